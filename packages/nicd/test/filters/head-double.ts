/** Heads for tests: a list of fields. @module */
import type { MessageHead, RequestHead, ResponseHead } from "../../src/message-head.ts";

type Fields = readonly (readonly [name: string, value: string])[];

class ListHead implements MessageHead {
  fields: (readonly [name: string, value: string])[];

  constructor(fields: Fields) {
    this.fields = [...fields];
  }

  get(name: string): string | undefined {
    return this.fields.find(([one]) => one === name)?.[1];
  }

  all(name: string): readonly string[] {
    return this.fields.filter(([one]) => one === name).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  count(host: boolean): number {
    return [...this.entries()].filter(([name]) => host || name !== "host").length;
  }

  get size(): number {
    return this.fields.length;
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  add(name: string, value: string): void {
    this.fields.push([name, value]);
  }

  remove(name: string): void {
    this.fields = this.fields.filter(([one]) => one !== name);
  }

  entries(): Fields {
    return this.fields;
  }
}

/** A request's head of lists. */
export class RequestDouble extends ListHead implements RequestHead {
  method = "GET";
  path: string;
  authority = "web.mesh";

  constructor(path = "/", { fields = [], ...rest }: { fields?: Fields; method?: string; authority?: string } = {}) {
    super(fields);
    this.path = path;
    Object.assign(this, rest);
  }
}

/** An answer's head of lists. */
export class ResponseDouble extends ListHead implements ResponseHead {
  status: number;

  constructor(status = 200, fields: Fields = []) {
    super(fields);
    this.status = status;
  }
}
