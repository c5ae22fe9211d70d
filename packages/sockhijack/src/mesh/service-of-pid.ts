/** Which service a process belongs to, found out in user space. @module */
import type { Attachment } from "./attachment.ts";
import { cgroupOfPid } from "./cgroups.ts";

/**
 * The service of a process: of its cgroup, or of the nearest above it that is attached, as `service_of_current` in `bpf/identity.h` has it.
 *
 * @param root Mount point of cgroup v2.
 * @returns its name; empty when it belongs to none, or has ended.
 */
export function serviceOfPid(root: string, pid: number, attachments: readonly Attachment[]): string {
  let own: string;
  try {
    own = `${cgroupOfPid(root, pid)}/`;
  } catch {
    return "";
  }
  let nearest: Attachment | undefined;
  for (const one of attachments) {
    if (own.startsWith(`${one.folder}/`) && one.folder.length > (nearest?.folder.length ?? 0)) nearest = one;
  }
  return nearest?.service ?? "";
}
