/** Attachment: the old way to attach a program to a sockmap, for kernels before 6.10 that have no link for it. @module */
import { attachType, type SockmapAttachType } from "./attach-type.ts";
import { checked } from "./kernel-error.ts";
import { libbpf } from "./native.ts";

/** A program attached by BPF_PROG_ATTACH: it belongs to the map, outlives this process, and ends with the map or by {@link Attachment.detach}. */
export class Attachment {
  readonly kind = "attachment";
  readonly #map: { readonly fd: number; readonly name: string };
  readonly #type: SockmapAttachType;
  #program: { readonly fd: number; readonly name: string };

  /** Attaches at once. */
  constructor(
    program: { readonly fd: number; readonly name: string },
    map: { readonly fd: number; readonly name: string },
    type: SockmapAttachType,
  ) {
    this.#map = map;
    this.#type = type;
    this.#program = program;
    this.update(program);
  }

  /** Attaches `program` in the place of the present one. */
  update(program: { readonly fd: number; readonly name: string }): this {
    checked(
      libbpf().bpf_prog_attach(program.fd, this.#map.fd, attachType[this.#type], 0),
      `cannot attach program ${program.name} to map ${this.#map.name} as ${this.#type}`,
    );
    this.#program = program;
    return this;
  }

  /** Detaches the program; needs its descriptor still open. */
  detach(): void {
    checked(
      libbpf().bpf_prog_detach2(this.#program.fd, this.#map.fd, attachType[this.#type]),
      `cannot detach program ${this.#program.name} from map ${this.#map.name}`,
    );
  }

  /** Does nothing: unlike a link's, this attachment holds no descriptor and stays. */
  close(): void {}

  [Symbol.dispose](): void {
    this.close();
  }
}
