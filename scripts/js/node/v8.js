// v8: the little that can be answered without V8.
(function ({ require }) {
  return {
    getHeapStatistics: () => ({ total_heap_size: 67_108_864, used_heap_size: 8_388_608, heap_size_limit: 67_108_864, total_available_size: 58_720_256, total_physical_size: 67_108_864, malloced_memory: 0 }),
    getHeapSpaceStatistics: () => [],
    setFlagsFromString() {},
    cachedDataVersionTag: () => 0,
    startupSnapshot: { isBuildingSnapshot: () => false },
    serialize: (value) => require('buffer').Buffer.from(JSON.stringify(value)),
    deserialize: (bytes) => JSON.parse(String(bytes)),
  };
})
