/**
 * Google's Online Boutique as a problem: requests of CPU and memory from `release/kubernetes-manifests.yaml`, who calls whom from the services'
 * sources (above all `src/frontend/handlers.go` and `src/checkoutservice/main.go`), tasks from `src/loadgenerator/locustfile.py`.
 * [GoogleCloudPlatform/microservices-demo, Apache-2.0] Sizes are estimates: a product is about 400 bytes. @module
 */
import { buildProblem } from "../../packages/placer/src/problem/build-problem.ts";
import type { Problem } from "../../packages/placer/src/problem/problem.ts";

/** CPU in cores, memory in MiB. */
const requests: Readonly<Record<string, readonly [cpu: number, memory: number]>> = {
  loadgenerator: [0.3, 256],
  frontend: [0.1, 64],
  productcatalogservice: [0.1, 64],
  currencyservice: [0.1, 64],
  cartservice: [0.2, 64],
  recommendationservice: [0.1, 220],
  adservice: [0.2, 180],
  checkoutservice: [0.1, 64],
  shippingservice: [0.1, 64],
  paymentservice: [0.1, 64],
  emailservice: [0.1, 64],
  "redis-cart": [0.07, 200],
};

/** Pages by how often each is asked for: index 1, setCurrency 2, browse 10, add to cart 2 (and the product before it), cart 3, checkout 1 (adds first). */
const pages = { index: 1, product: 13, addToCart: 3, viewCart: 3, checkout: 1, setCurrency: 2 } as const;
type Page = keyof typeof pages;
/** Products in the catalog, and in a cart on average. */
const [products, inCart] = [9, 2];

const recommend: readonly (readonly [string, string, number, number])[] = [
  ["frontend", "recommendationservice", 1, 200],
  ["recommendationservice", "productcatalogservice", 1, 400 * products],
  // The frontend asks for each of the five that are recommended.
  ["frontend", "productcatalogservice", 5, 450],
];
const cart: readonly (readonly [string, string, number, number])[] = [
  ["frontend", "cartservice", 1, 150],
  ["cartservice", "redis-cart", 1, 120],
];

/** Calls of one page: from, to, how often, payload of each in bytes both ways. */
const calls: Readonly<Record<Page, readonly (readonly [string, string, number, number])[]>> = {
  index: [
    ["loadgenerator", "frontend", 1, 12_000],
    ["frontend", "currencyservice", 1 + products, 120],
    ["frontend", "productcatalogservice", 1, 400 * products],
    ["frontend", "adservice", 1, 250],
    ...cart,
  ],
  product: [
    ["loadgenerator", "frontend", 1, 9000],
    ["frontend", "productcatalogservice", 1, 450],
    ["frontend", "currencyservice", 2, 150],
    ["frontend", "adservice", 1, 250],
    ...cart,
    ...recommend,
  ],
  addToCart: [["loadgenerator", "frontend", 1, 400], ["frontend", "productcatalogservice", 1, 450], ...cart],
  viewCart: [
    ["loadgenerator", "frontend", 1, 10_000],
    ["frontend", "currencyservice", 1 + inCart + 1, 120],
    ["frontend", "productcatalogservice", inCart, 450],
    ["frontend", "shippingservice", 1, 200],
    ...cart,
    ...recommend,
  ],
  checkout: [
    ["loadgenerator", "frontend", 1, 9000],
    ["frontend", "checkoutservice", 1, 900],
    ["checkoutservice", "cartservice", 2, 150],
    ["cartservice", "redis-cart", 2, 120],
    ["checkoutservice", "productcatalogservice", inCart, 450],
    ["checkoutservice", "currencyservice", inCart + 1, 120],
    ["checkoutservice", "shippingservice", 2, 250],
    ["checkoutservice", "paymentservice", 1, 250],
    ["checkoutservice", "emailservice", 1, 900],
    ["frontend", "currencyservice", 1, 150],
    ...recommend,
  ],
  setCurrency: [["loadgenerator", "frontend", 1, 300]],
};

/**
 * Makes it, for so many pages each second, on nodes alike whose CPU and memory are `slack` times what is requested.
 *
 * @example
 * ```ts
 * onlineBoutique(500, 3, 1.5).services.length; // 12
 * ```
 */
export function onlineBoutique(pagesPerSecond: number, nodes: number, slack: number): Problem {
  const total = Object.values(pages).reduce((a, b) => a + b, 0);
  const edges = new Map<string, { from: string; to: string; messagesPerSecond: number; bytesPerSecond: number }>();
  for (const [page, share] of Object.entries(pages) as [Page, number][])
    for (const [from, to, times, bytes] of calls[page]) {
      const edge = edges.get(`${from} ${to}`) ?? { from, to, messagesPerSecond: 0, bytesPerSecond: 0 };
      edges.set(`${from} ${to}`, edge);
      edge.messagesPerSecond += 2 * ((pagesPerSecond * share) / total) * times;
      edge.bytesPerSecond += ((pagesPerSecond * share) / total) * times * bytes;
    }
  const sum = (at: 0 | 1): number => Object.values(requests).reduce((all, one) => all + one[at], 0);
  const capacity = { cpu: Math.ceil((sum(0) * slack * 1000) / nodes) / 1000, memory: Math.ceil((sum(1) * slack) / nodes) * 2 ** 20 };
  return buildProblem({
    name: "online-boutique",
    nodes: Array.from({ length: nodes }, (_, i) => ({ name: `n${i + 1}`, capacity })),
    services: Object.entries(requests).map(([name, [cpu, memory]]) => ({ name, requests: { cpu, memory: memory * 2 ** 20 } })),
    traffic: [...edges.values()].map((edge) => ({ ...edge, sources: ["locust"] })),
  });
}
