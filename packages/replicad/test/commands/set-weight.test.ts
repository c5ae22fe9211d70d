/** `replicad set-weight`, against a control socket with made-up answers. */
import type { OverrideRequest } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { cli, daemon, replicaOf } from "./canned-answers.ts";

async function weighing(t: ExecutionContext, untold: string | null = null) {
  const asked: OverrideRequest[] = [];
  const socket = await daemon(t, {
    override(request) {
      asked.push(request);
      return { replica: replicaOf({ weight: request.weight ?? 2 }), untold };
    },
  });
  return { socket, asked };
}

test("set-weight gives a replica a weight, 0 to 65535, or the mesh file's again", async (t) => {
  const { socket, asked } = await weighing(t);
  const text = async (weight: string): Promise<string> => {
    const { status, out, err } = await cli(["set-weight", "[FD00:0::7]:80", weight, "--socket", socket]);
    t.deepEqual([status, err], [0, ""], weight);
    return out;
  };
  const until = "until replicad set-weight 10.0.0.7:8080 default";
  t.is(await text("0.5"), `cart:8080 at 10.0.0.7:8080 (n2) has weight 0.5, ${until}\n`);
  t.is(await text("0"), `cart:8080 at 10.0.0.7:8080 (n2) has weight 0, ${until}; it gets no new requests\n`);
  t.is(await text("default"), "cart:8080 at 10.0.0.7:8080 (n2) has weight 2, as in the mesh file\n");
  for (const weight of ["65535", "1e3", ".25"]) await text(weight);
  t.deepEqual(
    asked,
    [0.5, 0, null, 65535, 1000, 0.25].map((weight) => ({ replica: "[fd00::7]:80", weight })),
  );
});

test("set-weight ends with status 75 when other nodes do not know", async (t) => {
  const { socket } = await weighing(t, "the broker is away");
  const { status, out, err } = await cli(["set-weight", "10.0.0.7:8080", "3", "--socket", socket]);
  t.is(status, 75);
  t.regex(out, /has weight 3/);
  t.regex(err, /other nodes do not know it yet.*the broker is away/);
});
