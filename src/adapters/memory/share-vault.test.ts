import { shareVaultContract, VAULT_NODE } from '../../ports/share-vault.contract.ts'
import { memoryShareVault } from './share-vault.ts'

shareVaultContract('memory', (act) => act(memoryShareVault(VAULT_NODE)))
