"""What annotation costs, and what a sparse format saves of it."""


def points_saved(M: int, m: int, N: int, n: int) -> int:
    """Points nobody has to mark: (M - m)(N - n) (Yan 2020, sec. 5.5.2).

    N images in all get the m sparse landmarks; only n of them all M.
    """
    return (M - m) * (N - n)
