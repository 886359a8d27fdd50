/** Room for so many strangers at once, each of whom counts for the network that he comes from. */
import { obtain } from "./obtain.ts";

export interface Guest {
  readonly client: string;
  /** He makes room for another, and is no guest any more. */
  readonly dismiss: () => void;
}

/** For one more, at the cost of whoever has most; false where that is this client itself. */
export function makeRoom(guests: ReadonlySet<Guest>, client: string): boolean {
  if (guests.size < MAX_GUESTS) return true;
  const shares = new Map<string, Guest[]>([[client, []]]);
  for (const guest of guests) obtain(shares, guest.client, () => []).push(guest);
  const largest = [...shares.values()].reduce((a, b) => (b.length > a.length ? b : a));
  if (largest.length <= shares.get(client)!.length + 1) return false;
  largest[0]!.dismiss();
  return true;
}

/** Each counted, also of several who ask the same. */
const MAX_GUESTS = 200;
