/** Compiles the BPF sources of tests. @module */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { NotSupportedError } from "@mitsu/cli/error";

const cache = fileURLToPath(new URL("../../../.cache/", import.meta.url));

/** The kernel's types in C, made once per machine. */
function vmlinuxFolder(): string {
  const path = `${cache}vmlinux.h`;
  if (!existsSync("/sys/kernel/btf/vmlinux"))
    throw new NotSupportedError("this kernel has no BTF", "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    const header = execFileSync("bpftool", ["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"], { maxBuffer: 1 << 27 });
    writeFileSync(`${path}.${process.pid}`, header);
    renameSync(`${path}.${process.pid}`, path);
  }
  return cache;
}

/** ELF bytes of a `.bpf.c` file; compiled anew only when the source changed. */
export function compileBpf(source: string): Uint8Array {
  const folder = vmlinuxFolder();
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const path = `${cache}${basename(source, ".c")}.${hash}.o`;
  if (!existsSync(path)) {
    const temporary = `${path}.${process.pid}`;
    const flags = ["-g", "-O2", "-Wall", "-Werror", "-target", "bpf", "-D__TARGET_ARCH_x86", `-I${folder}`];
    execFileSync("clang", [...flags, "-c", source, "-o", temporary], { stdio: ["ignore", "inherit", "inherit"] });
    renameSync(temporary, path);
  }
  return readFileSync(path);
}

/** ELF bytes of `test/bpf/<name>.bpf.c`. */
export function testObject(name: string): Uint8Array {
  return compileBpf(fileURLToPath(new URL(`bpf/${name}.bpf.c`, import.meta.url)));
}
