/**
 * The commands about keys of video sources: `device-keys`, `agent` and `media`, which serve, and `devices ...`, which ask the first.
 *
 * @module
 */
import { type Command, Option } from 'commander'
import type { DeviceKeysOptions } from './device-keys-command.ts'
import type { AskDevicesOptions } from './devices-asking.ts'
import type { AgentCommandOptions, MediaCommandOptions } from './party-commands.ts'

const list = (value: string, before: readonly string[]): readonly string[] => [...before, value]
const mqtt = () =>
  new Option('--mqtt <version>', 'of the protocol').choices(['5', '3.1.1']).default('5')

type Print = (text: string) => void

/** Adds them to `program`; `out` takes one line or several, `ended` the exit code. */
export function addDeviceCommands(
  program: Command,
  out: Print,
  complain: Print,
  ended: (code: number) => void,
): void {
  program
    .command('device-keys')
    .description('say which keys video sources send under, by way of a broker of MQTT')
    .requiredOption('--folder <folder>', 'what it keeps; made at the first start')
    .option('--listen <host:port>', 'where it is asked', '127.0.0.1:9460')
    .option('--host <name>', 'where devices find it and the broker; may be repeated', list, [])
    .option('--broker <url>', 'the broker, as all reach it', 'mqtts://127.0.0.1:8883')
    .addOption(mqtt())
    .option('--rotate-every-s <s>', 'a new key that often; 0: only when asked', '3600')
    .option('--grace-ms <ms>', 'how long packets of the old key may come', '300')
    .option('--key-token <uri>', 'its keys open only with that AES key of a PKCS #11 token')
    .option('--custody <file>', 'its keys open only with custody: custody.yaml of the cluster')
    .option('--no-quarantine', 'leave a device that does not follow an anomaly on its old key')
    .action(async (options: DeviceKeysOptions) => {
      const { runDeviceKeys } = await import('./device-keys-command.ts')
      ended(await runDeviceKeys(options, out, complain))
    })
  party(program, 'agent', 'send what an encoder sends, protected')
    .option('--listen <host:port>', 'where RTP comes in, RTCP one port above', '127.0.0.1:5004')
    .option('--transport <host:port>', 'where SRTP goes')
    .option(
      '--srt-command <program>',
      'instead: starts an encoder of SRT, with device, epoch and file of a passphrase',
    )
    .action(async (options: AgentCommandOptions) => {
      const { runAgent } = await import('./party-commands.ts')
      ended(await runAgent(options, out, complain))
    })
  party(program, 'media', 'take what agents send, and hand on what is authentic')
    .option('--listen <host:port>', 'where SRTP comes in', '0.0.0.0:5000')
    .option('--output <device=host:port>', 'where its RTP goes; may be repeated', list, [])
    .addOption(
      new Option('--watch <codec>', 'another key when a stream is not what it was').choices([
        ...['h264', 'h265'],
      ]),
    )
    .option(
      '--rhythm <device>',
      'its key frames come in a rhythm, and never out of it; may be repeated',
      ...([list, []] as const),
    )
    .option(
      '--srt <device=host:port=host:port[,host:port]>',
      'where its SRT comes in, and one or two receivers; may be repeated',
      ...([list, []] as const),
    )
    .option(
      '--srt-command <program>',
      'starts a receiver of SRT, with device, epoch, file of a passphrase and its host:port',
    )
    .option(
      '--stop-after-s <s>',
      'without the broker for so long it takes nothing; else it goes on',
    )
    .action(async (options: MediaCommandOptions) => {
      const { runMedia } = await import('./party-commands.ts')
      ended(await runMedia(options, out, complain))
    })
  addDevices(program, out)
}

function party(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--folder <folder>', 'its keys and state')
    .option('--service <url>', 'the key service, to enrol at: https://host:port')
    .option('--code-file <file>', 'with what devices enrol printed; used once')
    .option(
      '--key-token <uri>',
      'its keys open only with that AES key of a PKCS #11 token: pkcs11:...',
    )
    .addOption(mqtt())
}

function addDevices(program: Command, out: Print): void {
  const devices = program.command('devices').description('video sources and their keys')
  const asks = (command: Command): Command =>
    command
      .option('--url <url>', 'the key service', 'https://127.0.0.1:9460')
      .requiredOption('--folder <folder>', 'of the key service: its token and authority')
      .addOption(
        new Option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'),
      )
  const loaded = () => import('./devices-asking.ts')
  asks(devices.command('list').description('all devices and transports')).action(
    async (options: AskDevicesOptions) => (await loaded()).listDevices(options, out),
  )
  asks(devices.command('show <device>').description('one, and what became of its keys')).action(
    async (device: string, options: AskDevicesOptions) =>
      (await loaded()).showDevice(device, options, out),
  )
  asks(devices.command('enrol <device>').description('print a code that is good once, for an hour'))
    .option('--transport', 'it is a transport')
    .action(async (device: string, options: AskDevicesOptions & { transport?: true }) =>
      (await loaded()).inviteDevice(device, options, out),
    )
  asks(devices.command('rekey <device>').description('give it another key'))
    .option(
      '--anomaly',
      'somebody else may have it: no grace, and quarantine when it does not follow',
    )
    .action(async (device: string, options: AskDevicesOptions & { anomaly?: true }) =>
      (await loaded()).rekeyDevice(device, options, out),
    )
  asks(devices.command('revoke <device>').description('take nothing from it any more')).action(
    async (device: string, options: AskDevicesOptions) =>
      (await loaded()).revokeDevice(device, options, out),
  )
}
