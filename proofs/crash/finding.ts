/** Something that was promised and is not so. */
export interface Finding {
  /** `wrong`: neither lost nor doubled, and yet not what was promised. */
  readonly kind: 'lost' | 'doubled' | 'wrong';
  readonly what: string;
}

/** What is found where something does not hold. */
export function unless(holds: boolean, kind: Finding['kind'], what: string): Finding[] {
  return holds ? [] : [{ kind, what }];
}
