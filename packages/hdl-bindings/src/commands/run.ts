/** `hdl-bindings run`: so many cycles of a design, and its ports after them. @module */
import { type Context, print, table } from "@mitsu/cli";
import { type BenchArguments, hex, openBench } from "./bench.ts";

/** Prints every port after the last cycle. */
export async function run(args: BenchArguments, context: Context): Promise<void> {
  const model = await openBench(args, context);
  model.step(args.cycles);
  const ports = model.layout.fields.map(({ name, direction, width }) => ({ name, direction, width, value: hex(model.get(name)) }));
  model.close();
  print(context, { module: model.layout.module, cycles: model.cycle, ports }, (result, out) =>
    table(
      result.ports,
      [
        { header: "port", value: ({ name }) => name },
        { header: "direction", value: ({ direction }) => direction },
        { header: "width [bit]", value: ({ width }) => width },
        { header: "value", value: ({ value }) => value, align: "right" },
      ],
      out,
    ),
  );
}
