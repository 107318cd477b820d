// Small dense linear algebra: symmetric positive definite matrices, row by row in Float64Arrays.

/** The lower triangle L of A = L L', or null where A is not positive definite. */
export function cholesky(A, n) {
  const L = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = A[i * n + j];
      for (let k = 0; k < j; k += 1) sum -= L[i * n + k] * L[j * n + k];
      if (i === j && !(sum > 0)) return null;
      L[i * n + j] = i === j ? Math.sqrt(sum) : sum / L[j * n + j];
    }
  }
  return L;
}

/** x with L L' x = b. */
export function solve(L, n, b) {
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) x[i] -= L[i * n + k] * x[k];
    x[i] /= L[i * n + i];
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < n; k += 1) x[i] -= L[k * n + i] * x[k];
    x[i] /= L[i * n + i];
  }
  return x;
}

/** The inverse of L L', symmetric. */
export function inverse(L, n) {
  const M = new Float64Array(n * n); // of L, row by row
  for (let i = 0; i < n; i += 1) {
    M[i * n + i] = 1 / L[i * n + i];
    for (let j = 0; j < i; j += 1) {
      let sum = 0;
      for (let k = j; k < i; k += 1) sum -= L[i * n + k] * M[k * n + j];
      M[i * n + j] = sum / L[i * n + i];
    }
  }
  const P = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = 0;
      for (let k = i; k < n; k += 1) sum += M[k * n + i] * M[k * n + j];
      P[i * n + j] = sum;
      P[j * n + i] = sum;
    }
  }
  return P;
}
