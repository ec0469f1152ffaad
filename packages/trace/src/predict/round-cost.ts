// What a round costs beside the sending: the harvest, which takes the log and protects its pages again, and whatever else is
// done once in each round. The guest runs on meanwhile, and what it writes counts.

export interface RoundCost {
  /** Of every round. Milliseconds. */
  readonly ms: number;
  /** For each page that its harvest finds. Nanoseconds. */
  readonly nsPerPage: number;
}

/** One that was watched. */
export interface Harvest {
  readonly pages: number;
  readonly seconds: number;
}

/**
 * Where nothing was measured: cloud-hypervisor logged an overhead of 56 to 59 ms for rounds of 5.3 GiB in small pages (its pull
 * request 7799), on hardware and without tracing.
 */
export const DEFAULT_ROUND_COST: RoundCost = { ms: 0, nsPerPage: 41 };

/**
 * The straight line that fits best, neither part below nothing. Undefined: there is nothing to fit. One harvest, or several of
 * one size, do not tell the parts from each other: then all of it goes by the page.
 */
export function roundCostOf(harvests: readonly Harvest[]): RoundCost | undefined {
  const n = harvests.length;
  if (n === 0) return undefined;
  const pages = sum(harvests.map((harvest) => harvest.pages)) / n;
  const seconds = sum(harvests.map((harvest) => harvest.seconds)) / n;
  const spread = sum(harvests.map((harvest) => (harvest.pages - pages) ** 2));
  const both = sum(harvests.map((each) => (each.pages - pages) * (each.seconds - seconds)));
  const slope = spread > 0 ? Math.max(0, both / spread) : Number.POSITIVE_INFINITY;
  if (slope * pages <= seconds) return costOf(seconds - slope * pages, slope);
  return pages > 0 ? costOf(0, seconds / pages) : costOf(seconds, 0);
}

const costOf = (seconds: number, perPage: number): RoundCost => {
  return { ms: seconds * 1e3, nsPerPage: perPage * 1e9 };
};

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
