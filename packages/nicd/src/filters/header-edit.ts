/** Changes headers of requests and answers. @module */
import type { HeaderEdit as Edit } from "@mitsu/catalog";
import { type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { MessageHead } from "../message-head.ts";
import type { Filter } from "./filter.ts";

/** A route's `requestHeaders`. */
export class RequestHeaderEdit implements Filter {
  readonly name = "request-headers";
  readonly #edit: Edit;

  constructor(edit: Edit) {
    this.#edit = edit;
  }

  onRequestHead(x: LiveExchange): Verdict {
    editHead(x.request, this.#edit);
    return verdict.continue;
  }
}

/** A route's `responseHeaders`. */
export class ResponseHeaderEdit implements Filter {
  readonly name = "response-headers";
  readonly #edit: Edit;

  constructor(edit: Edit) {
    this.#edit = edit;
  }

  onResponseHead(x: LiveExchange): Verdict {
    if (x.response !== null) editHead(x.response, this.#edit);
    return verdict.continue;
  }
}

/** Does it change nothing? */
export function isNoEdit({ remove, set, add }: Edit): boolean {
  return remove.length === 0 && set.length === 0 && add.length === 0;
}

function editHead(head: MessageHead, { remove, set, add }: Edit): void {
  for (const name of remove) head.remove(name);
  for (const [name, value] of set) head.set(name, value);
  for (const [name, value] of add) head.add(name, value);
}
