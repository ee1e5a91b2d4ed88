"""A tenant's workflows and their versions, in the state Redis.

    workflows:kept:<tenant>:<name>  hash  newest: number of the newest version
                                          v:<n>: JSON of `Stored`
                                          definition:<n>: canonical JSON of the definition
                                          digest:<digest>: n
    workflows:of:<tenant>           zset  names, all with score 0, so in the order of their bytes
    workflows:size:<tenant>         int   versions the tenant keeps, of all its workflows

A version is never changed. A workflow that is deleted leaves nothing: kept again, it begins with 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from shared.errors import NotFound, QuotaExceeded
from shared.messages.json_codec import from_json
from shared.run_records.state_redis import asked

# KEYS workflow names size
# ARGV name digest definition description max_versions
_KEEP = """
local workflow, names, size = KEYS[1], KEYS[2], KEYS[3]
local there = redis.call('HGET', workflow, 'digest:' .. ARGV[2])
if there then return {'there', redis.call('HGET', workflow, 'v:' .. there)} end
if tonumber(redis.call('GET', size) or '0') >= tonumber(ARGV[5]) then return {'quota', ''} end
local clock = redis.call('TIME')
local number = redis.call('HINCRBY', workflow, 'newest', 1)
local stored = cjson.encode({
  name = ARGV[1], version = number, digest = ARGV[2], description = ARGV[4],
  created_at_ms = clock[1] * 1000 + math.floor(clock[2] / 1000),
})
redis.call('HSET', workflow, 'v:' .. number, stored, 'definition:' .. number, ARGV[3],
           'digest:' .. ARGV[2], number)
redis.call('ZADD', names, 0, ARGV[1])
redis.call('INCR', size)
return {'kept', stored}
"""

# KEYS names. ARGV from size prefix
_PAGE = """
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  local workflow = ARGV[3] .. name
  table.insert(found, redis.call('HGET', workflow, 'v:' .. redis.call('HGET', workflow, 'newest')))
end
return found
"""

# KEYS workflow names size. ARGV name
_DELETE = """
local versions = tonumber(redis.call('HGET', KEYS[1], 'newest') or '0')
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if versions > 0 then redis.call('DECRBY', KEYS[3], versions) end
return versions
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of one version.

    Attributes:
        name: Of the workflow.
        version: From 1.
        digest: "sha256:<hex>" of the definition.
        description: For people; may be empty.
        created_at_ms: Unix time.
    """

    name: str
    version: int
    digest: str
    description: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """One version with its definition, as canonical JSON."""

    stored: Stored
    definition: str


class WorkflowCatalogue:
    """Keeps, finds, lists and deletes. Another tenant's workflow is an unknown one."""

    def __init__(self, redis: Redis, max_versions_per_tenant: int) -> None:
        """Uses `redis`, the state Redis; nothing is asked of it yet."""
        self._redis = redis
        self._max_versions = max_versions_per_tenant
        self._keep: AsyncScript = redis.register_script(_KEEP)
        self._page: AsyncScript = redis.register_script(_PAGE)
        self._delete: AsyncScript = redis.register_script(_DELETE)

    async def keep(
        self, *, tenant: str, name: str, digest: str, definition: str, description: str
    ) -> tuple[Stored, bool]:
        """Keeps a definition as the next version of `name`, unless it is kept already.

        Returns:
            The version, and whether it is a new one.

        Raises:
            QuotaExceeded: The tenant keeps as many versions as it may.
            StageUnavailable: The state store cannot be reached.
        """
        argv = [name, digest, definition, description, self._max_versions]
        reply = await asked(self._keep(_keys(tenant, name), cast(list[str], argv)))
        outcome, stored = (part.decode() for part in reply)
        if outcome == "quota":
            limit = f"{self._max_versions} versions of workflows"
            raise QuotaExceeded(f"{limit} are kept already; delete some", limit=limit)
        return from_json(Stored, stored), outcome == "kept"

    async def find(self, name: str, version: int, *, tenant: str) -> StoredDefinition:
        """A version of a workflow; 0 is the newest.

        Raises:
            NotFound: The tenant has none such.
            StageUnavailable: The state store cannot be reached.
        """
        key = _workflow(tenant, name)
        number = version or int(await asked(self._redis.hget(key, "newest")) or 0)
        fields = [f"v:{number}", f"definition:{number}"]
        stored, definition = await asked(self._redis.hmget(key, fields))
        if stored is None or definition is None:
            what = f"version {version} of it" if version else "such workflow"
            raise NotFound(f"there is no {what}", field="workflow")
        return StoredDefinition(from_json(Stored, stored), definition.decode())

    async def versions(self, name: str, *, tenant: str) -> list[Stored]:
        """Every version of a workflow, the newest first; none if there is no such workflow.

        Raises:
            StageUnavailable: The state store cannot be reached.
        """
        key = _workflow(tenant, name)
        newest = int(await asked(self._redis.hget(key, "newest")) or 0)
        if not newest:
            return []
        fields = [f"v:{number}" for number in range(newest, 0, -1)]
        return [from_json(Stored, each) for each in await asked(self._redis.hmget(key, fields))]

    async def page(self, after: str, size: int, *, tenant: str) -> list[Stored]:
        """The newest version of up to `size` workflows whose names come after `after`, by name.

        Raises:
            StageUnavailable: The state store cannot be reached.
        """
        argv = [f"({after}" if after else "-", size, _workflow(tenant, "")]
        found = await asked(self._page([_names(tenant)], cast(list[str], argv)))
        return [from_json(Stored, each) for each in found]

    async def delete(self, name: str, *, tenant: str) -> None:
        """Forgets a workflow with all its versions; one that is not there is no error.

        Raises:
            StageUnavailable: The state store cannot be reached.
        """
        await asked(self._delete(_keys(tenant, name), [name]))


def _workflow(tenant: str, name: str) -> str:
    return f"workflows:kept:{tenant}:{name}"


def _names(tenant: str) -> str:
    return f"workflows:of:{tenant}"


def _keys(tenant: str, name: str) -> list[str]:
    return [_workflow(tenant, name), _names(tenant), f"workflows:size:{tenant}"]
