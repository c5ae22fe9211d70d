import test from "ava";
import { missingTool, runTool } from "../../src/verilator/tool.ts";
import { formatMessage, messages, refusal } from "../../src/verilator/verilator.ts";
import { parseXml } from "../../src/verilator/xml.ts";

const stderr = `%Warning-WIDTH: rtl/a.sv:7:14: Operator ASSIGN expects 4 bits
    7 |   assign x = y;
      |            ^
                ... Use "/* verilator lint_off WIDTH */" and lint_on around source to disable this message.
%Error: rtl/a.sv:9:3: syntax error, unexpected end
%Error: Cannot find file containing module: 'nothing'
%Error: Exiting due to 2 error(s)
`;

test("messages() gives file, line, column and rule, and leaves out what Verilator adds", (t) => {
  t.deepEqual(messages(stderr).map(formatMessage), [
    "rtl/a.sv:7:14: warning WIDTH: Operator ASSIGN expects 4 bits",
    "rtl/a.sv:9:3: error: syntax error, unexpected end",
    "error: Cannot find file containing module: 'nothing'",
  ]);
});

test("refusal() is exit status 2 with Verilator's messages", (t) => {
  const error = refusal(stderr);
  t.is(error.exit, 2);
  t.is(error.code, "ERR_HDL_DESIGN");
  t.regex(error.message, /rtl\/a\.sv:9:3: error: syntax error/);
  t.is(refusal("Segmentation fault").message, "Segmentation fault");
});

test("runTool() names the Debian package of a missing tool", async (t) => {
  t.regex(missingTool("clang++-14").hint!, /libc\+\+-14-dev-wasm32/);
  const error = await t.throwsAsync(runTool("no-such-tool-here", []), { code: "ERR_HDL_TOOL" });
  t.regex(error!.message, /no-such-tool-here is not installed/);
});

test("parseXml() reads nested elements and entities, and refuses what does not nest", (t) => {
  const root = parseXml('<?xml version="1.0" ?>\n<!-- note -->\n<a><b c="1&lt;2 &apos;x&apos;"/><d></d></a>');
  t.deepEqual(
    root.children.map(({ name, attributes }) => [name, attributes.c]),
    [
      ["b", "1<2 'x'"],
      ["d", undefined],
    ],
  );
  t.throws(() => parseXml("<a><b></a>"), { instanceOf: SyntaxError });
  t.throws(() => parseXml("<a><b/>"), { instanceOf: SyntaxError });
});
