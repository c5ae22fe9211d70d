import { Reactor } from "@mitsu/reactor";
import test from "ava";
import { EpollPlane } from "../../src/data-plane/epoll-plane.ts";
import { planeTests } from "./conformance.ts";

planeTests(test.serial as typeof test, "EpollPlane", async (events) => {
  const reactor = await Reactor.open();
  reactor.run();
  const plane = EpollPlane.open(reactor, events);
  const stop = plane.stop.bind(plane);
  let stopped: Promise<void> | undefined;
  plane.stop = () => {
    stopped ??= stop().then(() => reactor.stop());
    return stopped;
  };
  return plane;
});
