import { profileStoreContract } from '../../ports/profile-store.contract.ts'
import { memoryProfileStore } from './profile-store.ts'

profileStoreContract('memory', async (options) => memoryProfileStore(options))
