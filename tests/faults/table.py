"""Tables of results, for a terminal and for the manual alike."""


class Table:
    def __init__(self, head):
        self.rows = [tuple(head)]

    def add(self, *cells):
        self.rows.append(tuple(str(cell) for cell in cells))

    def show(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        for number, row in enumerate(self.rows):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |", flush=True)
            if number == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def quantile(values, share):
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def seconds_text(values):
    """Median and most."""
    return f"{quantile(values, 0.5):.2f}, {max(values):.2f} s" if values else "-"
