"""The plots, by matplotlib."""

import matplotlib

matplotlib.use("svg")
# The same results make the same file.
matplotlib.rcParams["svg.hashsalt"] = "dialogstore"

import matplotlib.pyplot as plt  # noqa: E402

LINES = (
    ("raw", "our bytes, bare", "0.6", "--"),
    ("ours-recent", "recent", "C0", "-"),
    ("ours-cache", "recent, cache", "C9", "-"),
    ("ours-tracked", "recent, cache, told", "C6", "-"),
    ("ours-all", "history=all", "C2", "-"),
    ("naive", "GET and SET", "C1", "-"),
    ("naive-safe", "GET and script", "C3", "-"),
    ("dff", "DFF 0.7", "C4", "-"),
    ("chatsky", "Chatsky 0.10", "C5", "-"),
    ("openai-agents", "OpenAI Agents", "C6", "-"),
)


def draw(results, folder):
    """Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        plot(
            results,
            folder / "turns-by-length.svg",
            along=lambda dialogs, stored: stored if dialogs == 64 else None,
            figure="turns_per_second",
            titles=("turns stored", "turns a second, 64 dialogs"),
        ),
        plot(
            results,
            folder / "turns-by-dialogs.svg",
            along=lambda dialogs, stored: dialogs if stored == 50 else None,
            figure="turns_per_second",
            titles=("dialogs at once", "turns a second, 50 turns stored"),
        ),
        plot(
            results,
            folder / "latency-by-dialogs.svg",
            along=lambda dialogs, stored: dialogs if stored == 50 else None,
            figure="p99_us",
            titles=("dialogs at once", "99th percentile of a turn, µs, 50 turns stored"),
        ),
    ]


def plot(results, path, along, figure, titles):
    figure_, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, label, color, style in LINES:
        points = sorted(
            (along(dialogs, stored), results.median(figure, name, dialogs, stored))
            + results.spread(figure, name, dialogs, stored)
            for contender, dialogs, stored in results.cells()
            if contender == name and along(dialogs, stored) is not None
        )
        if not points:
            continue
        where, middle, low, high = zip(*points)
        axes.plot(where, middle, style, color=color, label=label, marker="o", markersize=3)
        axes.fill_between(where, low, high, color=color, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(titles[0])
    axes.set_ylabel(titles[1])
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure_.savefig(path, metadata={"Date": None})
    plt.close(figure_)
    return path
