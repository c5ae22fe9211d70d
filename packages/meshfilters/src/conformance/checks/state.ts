/** Checks of what outlives a stream: configuration, properties, shared data, queues, metrics, timers, logs, contexts. @module */
import { setTimeout as wait } from "node:timers/promises";
import { type Check, type CheckOptions, probe, unexpected } from "../check.ts";

const filter = "state";
const envoy: CheckOptions = { authority: "Envoy" };
const property = "proxy_get_property";
const of = (check: string, expect: string | readonly string[], clause: string, options?: CheckOptions): Check =>
  probe(filter, check, expect, clause, options);

/** All of them. */
export const stateChecks: readonly Check[] = [
  of(
    "start-order",
    "order=create,vm-start,configure",
    "proxy_on_context_create, proxy_on_vm_start, proxy_on_configure: the order of a start",
    envoy,
  ),
  of(
    "contexts",
    "root=0 stream=1 other=1",
    "proxy_on_context_create: parent_context_id is 0 of a plugin's context, the plugin's of a stream's",
  ),
  of("configuration", "value=the configuration told=17", "proxy_on_configure: PLUGIN_CONFIGURATION, and its size"),
  of("property-path", "status=0 value=/state/x", `${property}: request.path`, envoy),
  of("property-url-path", "status=0 value=/state/x", `${property}: request.url_path`, envoy),
  of("property-method", "status=0 value=GET", `${property}: request.method`, envoy),
  of("property-host", "status=0 value=kit.test", `${property}: request.host`, envoy),
  of("property-header", "status=0 value=1", `${property}: request.headers`, envoy),
  of("property-protocol", "status=0 value=HTTP/1.1", `${property}: request.protocol`, envoy),
  of("property-query", "status=0 value=", `${property}: request.query`, envoy),
  of("property-source", "status=0 is=127.0.0.1:", `${property}: source.address has the port`, envoy),
  of("property-source-port", "status=0 size=8", `${property}: source.port is an integer of 8 bytes`, envoy),
  of("property-time", "status=0 size=8", `${property}: request.time is ns of 8 bytes`, envoy),
  of("property-root-id", "status=0 value=", `${property}: plugin_root_id`, envoy),
  of("property-trailing", "status=0 value=GET", `${property}: a NUL at the end of the path is ignored`, envoy),
  of("property-missing", "status=1", `${property}: NOT_FOUND when there was no property at the requested path`),
  of("property-set", "set=0 get=0 value=v", "proxy_set_property: sets value of the property", envoy),
  of("property-pointers", "path=6 value=6 set=6", `${property}: INVALID_MEMORY_ACCESS`),
  of("shared-missing", "status=1", "proxy_get_shared_data: NOT_FOUND when the requested key was not found"),
  of("shared-get", "status=0 value=first cas=1", "proxy_get_shared_data: value and cas"),
  of("shared-cas", "match=0 stale=8 value=second changed=1", "proxy_set_shared_data: CAS_MISMATCH when cas doesn't match"),
  of("shared-no-cas", "set=0", "proxy_set_shared_data: cas 0 always sets"),
  of("shared-empty", "set=0 get=0 size=0", "proxy_set_shared_data: a value may be empty"),
  of("shared-binary", "get=0 size=3 prefix=1", "keys and values are bytes"),
  of("shared-pointers", "key=6 value=6 set=6", "Shared Key-Value Store: INVALID_MEMORY_ACCESS"),
  of("queue-unknown", "enqueue=1 dequeue=1 resolve=1", "Shared Queues: NOT_FOUND when the requested queue was not found"),
  of(
    "queue-order",
    "enqueue=0 dequeue=0 first=a second=b empty=7",
    "proxy_dequeue_shared_queue: from the front; EMPTY when there is nothing",
  ),
  of("queue-again", "register=0 same=1 resolve=0 resolved=1", "proxy_register_shared_queue: an existing queue is opened"),
  of("queue-pointers", "name=6 id=6", "Shared Queues: INVALID_MEMORY_ACCESS"),
  of("queue-ready", "root=1 status=0 value=item", "proxy_on_queue_ready: called when a new item is enqueued"),
  of("metric-counter", "add=0 get=0 value=2", "proxy_increment_metric: changes metric by the delta"),
  of("metric-counter-down", "status=2", "proxy_increment_metric: BAD_ARGUMENT when trying to decrement a counter"),
  of("metric-gauge", "set=0 add=0 get=0 value=5", "proxy_record_metric: sets metric to the value"),
  of("metric-histogram", "record=0", "proxy_record_metric"),
  of("metric-again", "define=0 value=11", "proxy_define_metric: the same name is the same metric", envoy),
  of("metric-unknown", "type=2 add=1 record=1 get=1", "Metrics: BAD_ARGUMENT for unknown metric_type, NOT_FOUND for unknown metric_id"),
  of("metric-pointers", "name=6 id=6 get=6", "Metrics: INVALID_MEMORY_ACCESS"),
  of("tick", "status=0 off=0 root=1", "proxy_on_tick: called every tick_period milliseconds, with the plugin's context"),
  {
    ...of("tick-count", "ticks=3", "proxy_set_tick_period_milliseconds: 0 disables the timer"),
    see: async (ask) => {
      await wait(100);
      const answer = await ask(filter, { check: "tick-count" });
      return answer.status === 200 ? answer.body : unexpected(answer);
    },
  },
  of("log", "status=0 status=0 status=0 status=0 status=0 status=0", "proxy_log: every level"),
  of("log-unknown", "status=2", "proxy_log: BAD_ARGUMENT for unknown log_level"),
  of("log-pointer", "status=6", "proxy_log: INVALID_MEMORY_ACCESS"),
  of("log-level", "status=0 known=1 pointer=6", "proxy_get_log_level"),
  of("clock", "status=0 after-2024=1 not-back=1 pointer=6", "proxy_get_current_time_nanoseconds"),
  of("effective", "unknown=2 root=0 stream=0", "proxy_set_effective_context: BAD_ARGUMENT for unknown context_id"),
  of("effective-root", ["headers=2", "headers=1"], "proxy_set_effective_context: the plugin's context has no fields", envoy),
  of("done", "status=1", "proxy_done: NOT_FOUND when active context was not pending finalization"),
  of("foreign-unknown", "status=1", "proxy_call_foreign_function: NOT_FOUND when the requested function was not found"),
  of("foreign-pointer", "status=6", "proxy_call_foreign_function: INVALID_MEMORY_ACCESS"),
  of("call-status", "status=0 pointer=6", "proxy_get_status: INVALID_MEMORY_ACCESS"),
  of("grow", "granted=0", "64 MiB more are not granted to a filter", { authority: "safety" }),
];
