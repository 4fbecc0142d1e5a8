import { decisionLogContract } from '../../ports/decision-log.contract.ts'
import { memoryDecisionLog } from './decision-log.ts'

decisionLogContract('memory', async (options) => memoryDecisionLog(options))
