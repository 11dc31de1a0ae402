// A server of one's own: on a free port, with a directory that goes with it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Starts the binary; `stop` ends it and removes its directory. */
export async function start(binary, options = []) {
  const data = mkdtempSync(join(tmpdir(), 'console-'))
  const server = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data', data, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const url = await new Promise((found, failed) => {
    const heard = (bytes) => {
      said += bytes
      const match = /answers on (http:\/\/[\d.:]+)/.exec(said)
      if (match) found(match[1])
    }
    server.stdout.on('data', heard)
    server.stderr.on('data', heard)
    server.on('error', failed)
    server.on('exit', (code) => failed(new Error(`the server ended with ${code}:\n${said}`)))
  })
  const stop = async () => {
    await new Promise((ended) => {
      server.removeAllListeners('exit')
      server.on('exit', ended)
      server.kill('SIGTERM')
    })
    rmSync(data, { recursive: true, force: true })
  }
  return { url, stop }
}
