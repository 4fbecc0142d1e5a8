import { forecastStoreContract } from '../../ports/forecast-store.contract.ts'
import { memoryForecastStore } from './forecast-store.ts'

forecastStoreContract('memory', async () => memoryForecastStore())
