/** Starts the console in the page. */
import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './style/tokens.css'
import './style/base.css'
import './style/shell.css'
import './style/table.css'
import './style/chart.css'
import './style/panel.css'
import { App } from './app.tsx'

const root = document.getElementById('app')
if (root !== null) render(<App />, root)
