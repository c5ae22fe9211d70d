/** The judge of the chaos test sees what it is there to see. */
import test from "ava";
import { DeliveryChecker } from "./delivery-checker.ts";

/** One subscriber of QoS 2, three messages of each QoS, all acknowledged. */
function sent(): DeliveryChecker {
  const checker = new DeliveryChecker();
  checker.addSubscriber("sub", 2);
  for (const qos of [1, 2] as const)
    for (let number = 1; number <= 3; number++) {
      checker.send({ topic: `t/${qos}`, number, qos });
      checker.acknowledge({ topic: `t/${qos}`, number, qos });
    }
  return checker;
}

/** How a sequence of numbers on one topic is judged; a number with `d` came with DUP, `|` is another connection. */
function judge(checker: DeliveryChecker, qos: 1 | 2, came: string): readonly string[] {
  let connection = 1;
  for (const one of came.split(" ")) {
    if (one === "|") connection++;
    else checker.receive("sub", { topic: `t/${qos}`, payload: one.replace("d", ""), qos, dup: one.endsWith("d"), connection });
  }
  return checker.faults;
}

test("DeliveryChecker takes what is right: order, redelivery with DUP, and again what was sent again", (t) => {
  t.deepEqual(judge(sent(), 1, "1 2 3"), []);
  t.deepEqual(judge(sent(), 1, "1 2 | 1d 2d 3"), []);
  t.deepEqual(judge(sent(), 1, "1d 2d 3d | 3d"), []);
  t.deepEqual(judge(sent(), 2, "1 | 2d 3"), []);
  const again = sent();
  again.sendAgain({ topic: "t/1", number: 2, qos: 1 });
  t.deepEqual(judge(again, 1, "1 2 3 2"), []);
});

test("DeliveryChecker sees loss, wrong order, copies that are too many, other QoS and what was never published", (t) => {
  const checker = sent();
  judge(checker, 1, "1 3");
  t.deepEqual(checker.missing(), ["sub: t/1 2", "sub: t/2 1", "sub: t/2 2", "sub: t/2 3"]);
  for (const [qos, came, fault] of [
    [1, "1 3 2", /2 came first after 3/],
    [1, "1 1", /came 2 times/],
    [1, "1 | 1", /came 2 times without DUP/],
    [1, "1 1d", /came 2 times on one connection/],
    [1, "4", /never published/],
    [1, "x", /never published/],
    [2, "1 | 1d", /came twice/],
    [2, "2 1", /1 came first after 2/],
  ] as const)
    t.regex(judge(sent(), qos, came).join("; "), fault, came);
  const lowered = sent();
  lowered.receive("sub", { topic: "t/2", payload: "1", qos: 1, dup: false, connection: 1 });
  t.regex(lowered.faults.join(), /came at QoS 1/);
  lowered.receive("sub", { topic: "other", payload: "1", qos: 1, dup: false, connection: 1 });
  t.regex(lowered.faults.join(), /never published/);
});
