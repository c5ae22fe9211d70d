/** A broker's listeners on its data planes, changed as a whole or not at all. @module */
import type { ListenerConfig } from "./config/broker-config.ts";
import type { BoundListener, DataPlane } from "./data-plane/data-plane.ts";
import { readTlsFiles } from "./transport/tls-files.ts";

interface Open {
  readonly plane: DataPlane;
  readonly bound: BoundListener;
}

/** Those that are open. */
export class ListenerSet {
  readonly #planes: () => readonly DataPlane[];
  #open: readonly Open[] = [];

  /** @param planes - The first that carries a listener gets it. */
  constructor(planes: () => readonly DataPlane[]) {
    this.#planes = planes;
  }

  get bound(): readonly BoundListener[] {
    return this.#open.map(({ bound }) => bound);
  }

  /**
   * Opens what is new, closes what is gone and gives the others their new configurations. Connections are not touched.
   *
   * @throws {MitsuError} `ERR_LISTEN`, `ERR_CERT_BAD`: then all is as it was.
   */
  async change(wanted: readonly ListenerConfig[]): Promise<void> {
    // What files say is known before anything is changed.
    for (const { tls } of wanted) if (tls !== undefined) await readTlsFiles(tls);
    const before = this.#open;
    const undo: (() => Promise<unknown>)[] = [];
    try {
      for (const config of wanted) {
        const same = this.#open.find(({ bound }) => bound.config.name === config.name);
        if (same !== undefined && same.plane === this.#carrier(config)) {
          const old = same.bound.config;
          await same.bound.reload(config);
          undo.push(() => same.bound.reload(old));
          continue;
        }
        // A port that a listener is about to leave, such as that of all addresses for that of one, or that gets TLS, must be free first.
        for (const one of before.filter(({ bound }) => this.#leaves(bound.config, wanted) && sharesPort(bound.config, config))) {
          if (!this.#open.includes(one)) continue;
          await this.#close(one);
          undo.push(() => this.#listen(one.bound.config));
        }
        const opened = await this.#listen(config);
        undo.push(() => this.#close(opened));
      }
    } catch (error) {
      for (const step of undo.reverse()) await step().catch(() => {});
      throw error;
    }
    for (const one of before) if (this.#open.includes(one) && this.#leaves(one.bound.config, wanted)) await this.#close(one);
  }

  /** Closes all of them. */
  async close(): Promise<void> {
    await Promise.all(this.#open.map((one) => this.#close(one)));
  }

  /** Whether the socket there is now is none of those wanted. */
  #leaves(config: ListenerConfig, wanted: readonly ListenerConfig[]): boolean {
    const next = wanted.find(({ name }) => name === config.name);
    return next === undefined || this.#carrier(next) !== this.#carrier(config);
  }

  #carrier(config: ListenerConfig): DataPlane {
    return this.#planes().find((plane) => plane.carries(config))!;
  }

  async #listen(config: ListenerConfig): Promise<Open> {
    const plane = this.#carrier(config);
    const opened = { plane, bound: await plane.listen(config) };
    this.#open = [...this.#open, opened];
    return opened;
  }

  async #close(one: Open): Promise<void> {
    this.#open = this.#open.filter((other) => other !== one);
    await one.bound.close();
  }
}

function sharesPort(one: ListenerConfig, other: ListenerConfig): boolean {
  return one.path === undefined ? other.path === undefined && one.port === other.port && one.port !== 0 : one.path === other.path;
}
