/** What a map is: `enum bpf_map_type` of the kernel's uapi/linux/bpf.h. @module */

const names = [
  "unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array lru_hash lru_percpu_hash lpm_trie",
  "array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage_deprecated reuseport_sockarray percpu_cgroup_storage",
  "queue stack sk_storage devmap_hash struct_ops ringbuf inode_storage task_storage bloom_filter user_ringbuf cgrp_storage arena",
]
  .join(" ")
  .split(" ");

/** The name of map type `value`, or `map_type_<n>` for one this package does not know. */
export function mapTypeName(value: number): string {
  return names[value] ?? `map_type_${value}`;
}

/** The number of the map type called `name`; -1 if there is none. */
export function mapTypeNumber(name: string): number {
  return names.indexOf(name);
}

/** Whether the map keeps one value per CPU. */
export function isPerCpu(name: string): boolean {
  return name.includes("percpu");
}

/** Whether keys are the indices 0 to maxEntries - 1, which exist from the start and cannot be deleted. */
export function isArray(name: string): boolean {
  return name === "array" || name === "percpu_array";
}
