"""What is measured: the contenders, and how many dialogs of how many stored turns each plays."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    name: str
    kind: str  # redis, recorded (replays what ours-recent sends), sqlite, memory, peer
    about: str
    less: str = ""  # what it leaves out that ours does
    plays: str = ""  # another contender, with `stored` turns stored whatever the block has
    stored: int = 0


CONTENDERS = (
    Contender("ours-recent", "redis", "this library, history=recent"),
    Contender(
        "ours-short",
        "redis",
        "ours-recent with 10 turns stored, in the same rounds as with 10 000",
        plays="ours-recent",
        stored=10,
    ),
    Contender("ours-all", "redis", "this library, history=all"),
    Contender("ours-cache", "redis", "this library, history=recent and a validated cache"),
    Contender(
        "ours-tracked",
        "redis",
        "the same, whose server tells of changes",
        "a load may be behind others by what the server takes to tell",
    ),
    Contender(
        "ours-all-tracked",
        "redis",
        "the same with history=all",
        "a load may be behind others by what the server takes to tell",
    ),
    Contender(
        "naive", "redis", "GET and SET of the whole context as JSON", "loses concurrent updates"
    ),
    Contender("naive-safe", "redis", "the same, set by a script that compares a token"),
    Contender(
        "raw", "recorded", "our requests from one bare connection", "reads no reply, decides nothing"
    ),
    Contender(
        "raw-connections",
        "recorded",
        "our requests from a bare connection for each dialog",
        "reads no reply, decides nothing",
    ),
    Contender(
        "link", "recorded", "our requests as bare calls of our connection", "decodes no row"
    ),
    Contender("memory", "memory", "this library, memory://", "nothing outlives the process"),
    Contender("sqlite", "sqlite", "this library, sqlite://, history=recent"),
    Contender("naive-sqlite", "sqlite", "an UPDATE of the whole context as JSON for each turn"),
    Contender(
        "dff",
        "peer",
        "DFF 0.7.2 RedisContextStorage, redis-py with hiredis",
        "loses concurrent updates",
    ),
    Contender(
        "chatsky",
        "peer",
        "Chatsky 0.10.0 RedisContextStorage, redis-py with hiredis",
        "a save is many commands: not atomic; loads the last 3 turns",
    ),
    Contender(
        "openai-agents",
        "peer",
        "OpenAI Agents SDK RedisSession, redis-py with hiredis",
        "messages only: no label, no state; no check against concurrent turns",
    ),
)
BY_NAME = {contender.name: contender for contender in CONTENDERS}


@dataclass(frozen=True)
class Pool:
    """Enough dialogs, each played for so few turns that its length stays what it says."""

    dialogs: int
    each: int


POOLS = {
    1: Pool(16384, 1),
    10: Pool(8192, 2),
    50: Pool(4096, 8),
    200: Pool(1024, 24),
    1000: Pool(256, 100),
    10_000: Pool(64, 400),
}
# For those that play a tenth of the turns in the same time.
SLOW_POOLS = {
    1: Pool(2048, 1),
    10: Pool(512, 2),
    50: Pool(256, 8),
    200: Pool(128, 24),
    1000: Pool(64, 50),
    10_000: Pool(64, 50),
}
SLOW_KINDS = ("peer", "sqlite")


@dataclass(frozen=True)
class Block:
    """Contenders whose rounds alternate, in one cell."""

    stored: int
    dialogs: int
    contenders: tuple
    times: int = 1  # the rounds of others; more of them where many targets are judged


IN_REDIS = (
    "ours-recent",
    "ours-all",
    "ours-cache",
    "ours-tracked",
    "ours-all-tracked",
    "naive",
    "naive-safe",
)
RECORDED = ("raw", "raw-connections", "link")
EMBEDDED = ("memory", "sqlite", "naive-sqlite")
PEERS = ("dff", "chatsky", "openai-agents")

BLOCKS = (
    Block(1, 64, IN_REDIS + RECORDED + EMBEDDED + PEERS),
    Block(10, 64, IN_REDIS + RECORDED + PEERS),
    Block(50, 1, IN_REDIS + RECORDED + ("memory",) + PEERS),
    Block(50, 1, ("sqlite", "naive-sqlite"), times=3),
    Block(50, 16, IN_REDIS + RECORDED),
    Block(50, 64, IN_REDIS + RECORDED + EMBEDDED + PEERS, times=2),
    Block(50, 256, IN_REDIS + RECORDED),
    Block(200, 64, IN_REDIS + RECORDED),
    Block(1000, 64, IN_REDIS + RECORDED + EMBEDDED + PEERS),
    Block(
        10_000,
        64,
        ("ours-recent", "ours-short", "ours-all", "ours-cache", "ours-tracked", "naive") + RECORDED,
    ),
)


@dataclass(frozen=True)
class Extent:
    """How much of it all."""

    rounds: int
    seconds: float  # of one measurement
    blocks: tuple
    shrink: int = 1  # divides the pools
    corpus_dialogs: int = 120
    cross_checked: tuple = (50, 64)  # stored, dialogs of the block

    def pool(self, contender, stored):
        """The same for all blocks of a length, since they share what is prepared."""
        played = BY_NAME[contender]
        pools = SLOW_POOLS if played.kind in SLOW_KINDS else POOLS
        most_at_once = max(
            block.dialogs
            for block in self.blocks
            if block.stored == stored and contender in block.contenders
        )
        pool = pools[played.stored or stored]
        return Pool(max(pool.dialogs // self.shrink, most_at_once), pool.each)


FULL = Extent(rounds=5, seconds=1.2, blocks=BLOCKS)
QUICK = Extent(rounds=2, seconds=0.4, blocks=BLOCKS, shrink=8, corpus_dialogs=40)
SMOKE = Extent(
    rounds=1,
    seconds=0.02,
    blocks=(
        Block(1, 2, IN_REDIS + RECORDED + EMBEDDED + ("ours-short",)),
        Block(10, 2, IN_REDIS + PEERS),
    ),
    shrink=1 << 20,
    corpus_dialogs=2,
    cross_checked=(1, 2),
)
