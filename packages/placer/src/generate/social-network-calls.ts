/**
 * What one request to DeathStarBench's social network makes its 27 components call, by kind of request.
 *
 * Who calls whom, and how often, is read from the handlers in `socialNetwork/src` and `nginx-web-server/lua-scripts` of
 * delimitrou/DeathStarBench (Gan et al., ASPLOS 2019); those of compose post are checked against its published traces in the tests.
 * wrk2's scripts give the sizes: posts of 256 letters with 0 to 5 links and mentions and 0 to 4 media, timelines of 10 posts that start at a random
 * place up to 100, so that a user's own timeline is mostly looked up in MongoDB. Caches of posts are warm (95 %), those of
 * followers too; CPU times are estimates, as nobody has published any. @module
 */

/** A call within a request. */
export interface Call {
  readonly from: string;
  readonly to: string;
  /** How often in one request. */
  readonly times: number;
  /** Payload of one, both ways, bytes. */
  readonly bytes: number;
  /** CPU time of the one that is called, for one, seconds; of what it calls itself the caller's half is in here too. */
  readonly cpu: number;
}

/** Kinds of requests and their shares of all: wrk2's mixed workload. */
export const mix = { "home-timeline": 0.6, "user-timeline": 0.3, "compose-post": 0.1 } as const;
/** One of {@link mix}. */
export type RequestKind = keyof typeof mix;

const us = 1e-6;
const call = (from: string, to: string, times: number, bytes: number, cpu: number): Call => ({ from, to, times, bytes, cpu });
/** Ten posts as Thrift carries them. */
const timeline = 8200;
/** Of posts, how many are not in memcached. */
const cold = 0.05;

/** Post storage's part of reading a timeline: one get of many keys, and what is not there from MongoDB, put into the cache afterwards. */
const readPosts = (reader: string): readonly Call[] => [
  call(reader, "post-storage-service", 1, timeline + 200, 260 * us),
  call("post-storage-service", "post-storage-memcached", 1, timeline + 400, 40 * us),
  call("post-storage-service", "post-storage-mongodb", cold, 1100, 180 * us),
  call("post-storage-service", "post-storage-memcached", cold, 900, 15 * us),
];

/** The calls of one request, by kind; `client` stands for whoever sends requests, outside of the cluster. */
export const callsOf: Readonly<Record<RequestKind, readonly Call[]>> = {
  "home-timeline": [
    call("client", "nginx-thrift", 1, 12_000, 300 * us),
    call("nginx-thrift", "home-timeline-service", 1, timeline + 250, 160 * us),
    call("home-timeline-service", "home-timeline-redis", 1, 350, 20 * us),
    ...readPosts("home-timeline-service"),
  ],
  "user-timeline": [
    call("client", "nginx-thrift", 1, 12_000, 300 * us),
    call("nginx-thrift", "user-timeline-service", 1, timeline + 250, 200 * us),
    call("user-timeline-service", "user-timeline-redis", 1, 350, 20 * us),
    call("user-timeline-service", "user-timeline-mongodb", 0.9, 1500, 180 * us),
    call("user-timeline-service", "user-timeline-redis", 0.9, 500, 25 * us),
    ...readPosts("user-timeline-service"),
  ],
  "compose-post": [
    call("client", "nginx-thrift", 1, 1200, 350 * us),
    call("nginx-thrift", "compose-post-service", 1, 900, 350 * us),
    call("compose-post-service", "text-service", 1, 1400, 180 * us),
    call("compose-post-service", "user-service", 1, 350, 60 * us),
    call("compose-post-service", "media-service", 1, 450, 60 * us),
    call("compose-post-service", "unique-id-service", 1, 280, 60 * us),
    call("text-service", "url-shorten-service", 1, 750, 120 * us),
    call("text-service", "user-mention-service", 1, 550, 130 * us),
    call("url-shorten-service", "url-shorten-mongodb", 5 / 6, 800, 220 * us),
    call("user-mention-service", "user-memcached", 5 / 6, 350, 20 * us),
    call("user-mention-service", "user-mongodb", 5 / 6, 700, 180 * us),
    call("compose-post-service", "post-storage-service", 1, 1300, 90 * us),
    call("post-storage-service", "post-storage-mongodb", 1, 1200, 220 * us),
    call("compose-post-service", "user-timeline-service", 1, 300, 90 * us),
    call("user-timeline-service", "user-timeline-mongodb", 1, 600, 250 * us),
    call("user-timeline-service", "user-timeline-redis", 1, 150, 20 * us),
    call("compose-post-service", "home-timeline-service", 1, 350, 120 * us),
    call("home-timeline-service", "social-graph-service", 1, 900, 90 * us),
    call("social-graph-service", "social-graph-redis", 1, 700, 25 * us),
    call("social-graph-service", "social-graph-mongodb", cold, 1500, 180 * us),
    // A pipeline of as many commands as there are followers and mentions is one message each way.
    call("home-timeline-service", "home-timeline-redis", 1, 3000, 120 * us),
  ],
};

/** The components of its compose file, with resident memory in MiB; some are not called by these requests. */
export const components: Readonly<Record<string, number>> = {
  "nginx-thrift": 256,
  "media-frontend": 128,
  "compose-post-service": 64,
  "home-timeline-service": 64,
  "user-timeline-service": 64,
  "post-storage-service": 96,
  "social-graph-service": 64,
  "user-service": 64,
  "text-service": 64,
  "media-service": 64,
  "unique-id-service": 64,
  "url-shorten-service": 64,
  "user-mention-service": 64,
  "home-timeline-redis": 256,
  "user-timeline-redis": 192,
  "social-graph-redis": 128,
  "post-storage-memcached": 256,
  "url-shorten-memcached": 96,
  "user-memcached": 96,
  "media-memcached": 96,
  "post-storage-mongodb": 512,
  "user-timeline-mongodb": 384,
  "social-graph-mongodb": 256,
  "url-shorten-mongodb": 256,
  "user-mongodb": 256,
  "media-mongodb": 256,
  "jaeger-agent": 256,
};
