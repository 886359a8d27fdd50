/** In random order, each order as likely as the others (Fisher and Yates). */
export function shuffled<Item>(items: Iterable<Item>, random: () => number): Item[] {
  const all = [...items];
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other]!, all[last]!];
  }
  return all;
}
