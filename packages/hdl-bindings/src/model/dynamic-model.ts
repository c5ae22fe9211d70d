/** A model whose ports are known at run time only: what `hdl-bindings run` and `wave` drive. @module */
import type { Engine } from "./engine.ts";
import type { Field, Layout } from "./layout.ts";
import { Model } from "./model.ts";
import { getValue, putValue, type Value } from "./value.ts";

/** A model with ports by name. */
export class DynamicModel extends Model {
  constructor(layout: Layout, engine: Engine) {
    super(layout, engine);
  }

  #field(port: string): Field {
    const found = this.layout.fields.find(({ name }) => name === port);
    if (!found) throw new RangeError(`${this.layout.module} has no port ${port}`);
    return found;
  }

  /** @throws {RangeError} when there is no such input or the value does not fit. */
  set(port: string, value: Value): void {
    const field = this.#field(port);
    if (field.direction !== "input") throw new RangeError(`${this.layout.module}.${port} is an output`);
    putValue(this.io32, field.offset / 4, this.layout.module, field, value);
  }

  /** @throws {RangeError} when there is no such port. */
  get(port: string): Value {
    const field = this.#field(port);
    return getValue(this.io32, field.offset / 4, field);
  }
}
