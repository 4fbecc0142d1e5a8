/**
 * A choice among a few, side by side: radio buttons in looks and in fact.
 *
 * @module
 */
export interface Segment<T extends string | number> {
  readonly value: T
  readonly label: string
}

export function Segments<T extends string | number>(props: {
  readonly legend: string
  readonly name: string
  readonly segments: readonly Segment<T>[]
  readonly chosen: T
  onChoose(value: T): void
}) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{props.legend}</legend>
      {props.segments.map((segment) => (
        <label key={segment.value}>
          <input
            type="radio"
            name={props.name}
            checked={segment.value === props.chosen}
            onChange={() => props.onChoose(segment.value)}
          />
          <span>{segment.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
