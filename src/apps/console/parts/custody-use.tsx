/**
 * How often keys are used by an operation, minute by minute, and how often they are expected to be.
 *
 * @module
 */
import { useMemo, useState } from 'preact/hooks'
import type { CustodyOperation } from '../api/views.ts'
import { custodyColumns } from '../custody-series.ts'
import { formatCount, formatRate } from '../format.ts'
import { niceCeiling } from '../traffic-series.ts'
import { ChartFigure } from './chart-figure.tsx'
import { Notice } from './notice.tsx'
import { Segments } from './segments.tsx'

/** So few points are each seen. */
const DOTTED_MINUTES = 60
/** An axis never ends below this, so that little looks little. */
const LEAST_CEILING = 4
const MINUTE_MS = 60_000

export function CustodyUse(props: {
  readonly operations: readonly CustodyOperation[]
  readonly countedAt: number | null
}) {
  const { operations, countedAt } = props
  const [chosen, setChosen] = useState('')
  const shown = operations.find(({ operation }) => operation === chosen) ?? operations[0]
  if (shown === undefined || countedAt === null) {
    return (
      <Notice title="No use was counted yet">
        <p>The first minute is not over.</p>
      </Notice>
    )
  }
  return (
    <>
      {operations.length > 1 && (
        <div class="bar">
          <Segments<string>
            legend="Operation"
            name="operation"
            segments={operations.map(({ operation }) => ({ value: operation, label: operation }))}
            chosen={shown.operation}
            onChoose={setChosen}
          />
        </div>
      )}
      <OperationChart key={shown.operation} operation={shown} countedAt={countedAt} />
    </>
  )
}

function OperationChart(props: {
  readonly operation: CustodyOperation
  readonly countedAt: number
}) {
  const { operation, countedAt } = props
  const { columns, nowIndex } = useMemo(
    () => custodyColumns(operation, countedAt),
    [operation, countedAt],
  )
  const dotted = operation.history.length <= DOTTED_MINUTES
  return (
    <ChartFigure
      // A chart is made with its lines.
      key={String(dotted)}
      id="custody-use"
      title={`Operations a minute: ${operation.operation}, and the next hour`}
      lines={[
        { name: 'used', color: '--line-1', dotted },
        { name: 'expected', color: '--line-2' },
      ]}
      columns={columns}
      nowIndex={nowIndex}
      spanMs={columns[0].length * MINUTE_MS}
      ceilingOf={(most) => niceCeiling(most, LEAST_CEILING)}
      formatValue={formatRate}
      formatAxis={formatCount}
    />
  )
}
