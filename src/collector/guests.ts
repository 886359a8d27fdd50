/** Bounds how many strangers are served at once; each counts for the network that they come from. */
import { obtain } from "./obtain.ts";

export interface Guest {
  readonly client: string;
  /** Called when this guest has to make room for another, and is no guest any more. */
  readonly dismiss: () => void;
}

/** Makes room for one more at the cost of the client with most; false if that is this client itself. */
export function makeRoom(guests: ReadonlySet<Guest>, client: string): boolean {
  if (guests.size < MAX_GUESTS) return true;
  const shares = new Map<string, Guest[]>([[client, []]]);
  for (const guest of guests) obtain(shares, guest.client, () => []).push(guest);
  const largest = [...shares.values()].reduce((a, b) => (b.length > a.length ? b : a));
  if (largest.length <= shares.get(client)!.length + 1) return false;
  largest[0]!.dismiss();
  return true;
}

/** All are counted, even those that ask the same. */
const MAX_GUESTS = 200;
