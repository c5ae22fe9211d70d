/** Whether a measurement of placement-response.sh was spoiled by what else the machine did. @module */

/** What is needed of a measurement to tell. */
interface Conditions {
  /** Whether services came before all ordinary programs. */
  readonly realtime?: boolean | undefined;
  readonly wallSeconds: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly busySeconds: readonly number[];
  /** By CPU: for how long it was withheld from all programs; null when unknown. */
  readonly withheldSeconds?: readonly (number | null)[] | undefined;
  /** By CPU: for how long ksoftirqd waited, and packets with it; null when unknown. */
  readonly softirqDelaySeconds?: readonly (number | null)[] | undefined;
}

/** Share of the time: queues of some milliseconds for one request in a hundred would show in p99. */
const withheldMost = 0.005;
/** The same for ksoftirqd, which has a part of the packets only. */
const delayedMost = 0.03;
/** Cores that others used: the generator takes less. */
const othersMost = 0.3;

/**
 * Whether a CPU was withheld by the hypervisor or the kernel for too long, or others used the CPUs: an ordinary program that is woken waits until the
 * one that runs has had its slice, milliseconds, whatever their weights. Real-time services do not wait for others, but packets may: ksoftirqd has no
 * more right to a CPU than any. Without others, what it waits for is the services' own doing.
 */
export function spoiled({
  realtime = false,
  wallSeconds,
  cpuSeconds,
  busySeconds,
  withheldSeconds = [],
  softirqDelaySeconds = [],
}: Conditions): boolean {
  const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);
  const over = (most: number) => (seconds: number | null) => seconds !== null && seconds > most * wallSeconds;
  const shared = sum(busySeconds) - sum(Object.values(cpuSeconds)) > othersMost * wallSeconds;
  return withheldSeconds.some(over(withheldMost)) || (shared && (!realtime || softirqDelaySeconds.some(over(delayedMost))));
}
