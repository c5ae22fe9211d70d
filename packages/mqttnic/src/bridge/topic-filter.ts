/** Which filters another one covers. [MQTT 5.0 §4.7] @module */

/** Whether all topics of `inner`, a filter or a topic, are among those of `outer`. */
export function covers(outer: string, inner: string): boolean {
  const outers = outer.split("/");
  const inners = inner.split("/");
  if (inner.startsWith("$") && (outers[0] === "#" || outers[0] === "+")) return false;
  for (let at = 0; at < outers.length; at++) {
    const level = outers[at];
    if (level === "#") return true;
    const other = inners[at];
    if (other === undefined || other === "#" || (level !== "+" && level !== other)) return false;
  }
  return outers.length === inners.length;
}
