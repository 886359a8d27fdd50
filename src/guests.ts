/** Bounds how many strangers are served at once; each counts for the network that they come from. */

export interface Guest {
  readonly client: string;
  /** Called when this guest has to make room for another, and is no guest any more. */
  readonly dismiss: () => void;
}

/**
 * Makes room for one more beside `max - 1` others, at the cost of the client with most; false if that is this
 * client itself.
 */
export function makeRoom(guests: ReadonlySet<Guest>, client: string, max: number): boolean {
  if (guests.size < max) return true;
  const shares = new Map<string, Guest[]>([[client, []]]);
  for (const guest of guests) {
    const share = shares.get(guest.client);
    if (share === undefined) shares.set(guest.client, [guest]);
    else share.push(guest);
  }
  const largest = [...shares.values()].reduce((a, b) => (b.length > a.length ? b : a));
  if (largest.length <= shares.get(client)!.length + 1) return false;
  largest[0]!.dismiss();
  return true;
}
