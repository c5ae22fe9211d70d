/** What services are called where people read. @module */

/** The name shown for a service; programs outside the mesh have none. */
export function serviceLabel(service: string): string {
  return service === "" ? "(outside)" : service;
}
