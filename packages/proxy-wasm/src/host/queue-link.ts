/** What a shared queue knows of the plugin that registered it. @module */

/**
 * A thread that can be cut: queues outlive plugins, and must not keep a stopped one's memory.
 *
 * @example
 * ```ts
 * const link = new QueueLink();
 * shared.registerQueue("jobs", link.ready);
 * link.wake = (queue) => plugin.queueReady(queue);
 * link.wake = null; // the plugin is gone
 * ```
 */
export class QueueLink {
  /** Who is told of an item. */
  wake: ((queue: number) => void) | null = null;
  readonly ready = (queue: number): void => this.wake?.(queue);
}
