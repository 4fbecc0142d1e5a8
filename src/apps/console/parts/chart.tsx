/**
 * A line chart by uPlot: fixed height, width of its box, colors from the style sheet, no animation.
 * `chart-figure.tsx` adds the title, the values and the table beside it.
 *
 * @module
 */
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { formatClock } from '../format.ts'
import type { Column } from '../traffic-series.ts'

export interface ChartLine {
  readonly name: string
  /** Name of a CSS variable, e.g. `--line-1`. */
  readonly color: string
  readonly filled?: boolean
  /** Few points, each of which should be seen. */
  readonly dotted?: boolean
}

export interface ChartProps {
  readonly lines: readonly ChartLine[]
  readonly columns: readonly [number[], ...Column[]]
  /** Two of the lines, by their places, between which it is tinted. */
  readonly band?: { readonly high: number; readonly low: number }
  /** Times that are tinted over the whole height, seconds since the epoch. */
  readonly spans?: readonly { readonly fromS: number; readonly toS: number }[]
  readonly spanMs: number
  /** Upper end of the value axis for the highest value shown. */
  ceilingOf(max: number): number
  formatAxis(value: number): string
  /** The index under the pointer, or `undefined`. */
  onPoint(index: number | undefined): void
}

export const CHART_HEIGHT_PX = 168
/** Charts with this key move their cursors together. */
const SYNC_KEY = 'limen'

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef(props)
  latest.current = props

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const made = new uPlot(optionsOf(latest, element.clientWidth), dataOf(latest.current), element)
    plot.current = made
    const resize = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: CHART_HEIGHT_PX }),
    )
    resize.observe(element)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const redraw = (): void => made.redraw(false)
    scheme.addEventListener('change', redraw)
    return () => {
      scheme.removeEventListener('change', redraw)
      resize.disconnect()
      made.destroy()
    }
  }, [])

  useEffect(() => {
    plot.current?.setData(dataOf(props))
  }, [props.columns, props.spanMs])

  return <div class="chart" ref={box} />
}

/** uPlot takes mutable arrays but does not change them. */
function dataOf(props: ChartProps): uPlot.AlignedData {
  return [...props.columns] as uPlot.AlignedData
}

function optionsOf(latest: { readonly current: ChartProps }, width: number): uPlot.Options {
  const { lines, band } = latest.current
  const axis = {
    stroke: () => css('--quiet'),
    grid: { stroke: () => css('--rule'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  }
  return {
    width,
    height: CHART_HEIGHT_PX,
    padding: [8, 6, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: SYNC_KEY },
      drag: { x: false, y: false },
      points: { size: 6 },
    },
    scales: {
      x: { time: true, range: (_, min, max) => timeRange(min, max, latest.current.spanMs) },
      y: { range: (_, _min, max) => [0, latest.current.ceilingOf(max ?? 0)] },
    },
    axes: [
      { ...axis, space: 54, size: 26, grid: { show: false }, values: clockValues },
      {
        ...axis,
        size: 46,
        splits: (_, _axis, _min, max) => [0, max / 2, max],
        values: (_, splits) => splits.map((value) => latest.current.formatAxis(value)),
      },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: () => css(line.color),
        ...(line.filled === true ? { fill: () => `${css(line.color)}22` } : {}),
        width: 1.5,
        points: { show: line.dotted === true, size: 6, fill: () => css(line.color) },
      })),
    ],
    ...(band === undefined ? {} : { bands: [bandOf(lines, band)] }),
    hooks: {
      drawClear: [(plot) => tintSpans(plot, latest.current.spans ?? [])],
      setCursor: [(plot) => latest.current.onPoint(plot.cursor.idx ?? undefined)],
    },
  }
}

function tintSpans(plot: uPlot, spans: NonNullable<ChartProps['spans']>): void {
  const { ctx, bbox } = plot
  const placeOf = (atS: number): number =>
    Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(atS, 'x', true)))
  ctx.save()
  ctx.fillStyle = `${css('--line-3')}22`
  for (const { fromS, toS } of spans) {
    const left = placeOf(fromS)
    ctx.fillRect(left, bbox.top, placeOf(toS) - left, bbox.height)
  }
  ctx.restore()
}

/** In a plot the first series is time. */
function bandOf(
  lines: readonly ChartLine[],
  { high, low }: NonNullable<ChartProps['band']>,
): uPlot.Band {
  return {
    series: [high + 1, low + 1],
    fill: () => `${css(lines[high]?.color ?? '--quiet')}22`,
  }
}

/** The newest second at the right edge, the whole span shown even when it is not full yet. */
function timeRange(min: number, max: number, spanMs: number): [number, number] {
  const end = max ?? min ?? Date.now() / 1000
  return [end - spanMs / 1000, end]
}

/** A label nearer to the right edge than this share of the width would be cut off. */
const EDGE_SHARE = 0.06

/** Hours and minutes; with seconds when the ticks are closer than that. */
function clockValues(
  plot: uPlot,
  splits: number[],
  _axis: number,
  _space: number,
  stepSeconds: number,
): string[] {
  const { x } = plot.scales
  const [min, max] = [x?.min ?? 0, x?.max ?? 0]
  const last = max - (max - min) * EDGE_SHARE
  return splits.map((seconds) => {
    if (seconds > last) return ''
    const clock = formatClock(seconds * 1000)
    return stepSeconds < 60 ? clock : clock.slice(0, -3)
  })
}

/** Canvas knows no CSS variables. */
function css(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}
