/** Packed data ended early or were damaged; what came out before is sound. */
export class PackedDamage extends Error {
  override readonly name = 'PackedDamage';
}
