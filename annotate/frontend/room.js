// How much room the stage has: what stands above it may need more than one row.

const MARGIN_PX = 8; // below each part, as the style sheet has it

/** Keep the style's `--above` at the height of these parts, which are above the stage or hidden. */
export function keepRoom(host, parts) {
  const measure = () => {
    const heights = parts.map(({ offsetHeight }) => (offsetHeight ? offsetHeight + MARGIN_PX : 0));
    host.style.setProperty("--above", `${heights.reduce((sum, height) => sum + height, 0)}px`);
  };
  const observer = new ResizeObserver(measure);
  parts.forEach((part) => observer.observe(part));
}
