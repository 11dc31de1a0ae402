// Home without a host, and with many.
import { browse, cells, eventually, holds, main, open, same } from './browser.mjs'
import { datum, put } from './data.mjs'

const HOSTS = 40

function ofHost(host, n, at) {
  const inDisk = { host, path: '/', device: 'vda', fstype: 'ext4' }
  return [
    datum('cpu_usage_active', n, at, { host, cpu: 'cpu-total' }, { Unit: 'Percent' }),
    datum('mem_used_percent', 50 + n / 10, at, { host }, { Unit: 'Percent' }),
    datum('disk_used_percent', 30, at, inDisk, { Unit: 'Percent' }),
    datum('disk_used_percent', 71.5, at, { ...inDisk, path: '/var' }, { Unit: 'Percent' }),
    datum('net_bytes_recv', 60 * 2048, at, { host, interface: 'eth0' }, { Unit: 'Bytes' }),
    datum('net_bytes_recv', 60 * 1024, at, { host, interface: 'eth1' }, { Unit: 'Bytes' }),
    datum('net_bytes_sent', 60 * 100, at, { host, interface: 'eth0' }, { Unit: 'Bytes' }),
  ]
}

main((server) =>
  browse(server, async ({ page }) => {
    await open(page, `${server}/console/`)
    await page.getByRole('heading', { name: 'Waiting for the first host' }).waitFor()

    // Reports of every minute, as the CloudWatch agent sends them; one host has been silent for a while.
    const minute = Math.floor(Date.now() / 60_000) * 60_000
    const data = []
    for (let host = 0; host < HOSTS; host++) {
      const silent = host === 7 ? 20 : 0
      for (let n = 10; n >= 1; n--) data.push(...ofHost(`web-${host}`, host, minute - (n + silent) * 60_000))
    }
    await put(server, 'CWAgent', data)
    await page.reload()
    const table = page.getByRole('table').first()
    await page.getByRole('heading', { name: 'Hosts' }).waitFor()
    const row = async (name) => (await cells(table)).find((cells) => cells[0] === name)?.filter(Boolean)
    await eventually('values of a host', async () => (await row('web-3'))?.[1] === '3 %')
    same((await row('web-3')).slice(0, 7), ['web-3', '3 %', '50.3 %', '71.5 %', '3 KiB/s', '100 B/s', 'reporting'], 'a host')
    holds(/^silent for 2\d min$/.test((await row('web-7')).at(-1)), `silent: ${await row('web-7')}`)
    const order = (await cells(table)).map(([name]) => name).filter((name) => name?.startsWith('web-'))
    same(order.slice(0, 4), ['web-0', 'web-1', 'web-2', 'web-3'], 'numbers in names count as numbers')

    await page.getByRole('searchbox', { name: 'Filter hosts' }).fill('web-39')
    await eventually('one host', async () => (await cells(table)).length === 2 && (await row('web-39'))?.[1] === '39 %')
    await page.getByRole('link', { name: 'web-39' }).click()
    await page.getByRole('heading', { level: 1, name: 'web-39' }).waitFor()
    holds(page.url().includes('host=web-39'), 'its address names it')
    const network = page.getByRole('article', { name: 'Network', exact: true })
    await eventually('its network', async () => /eth0 received 2 KiB\/s/.test(await network.innerText().then((text) => text.replace(/\s+/g, ' '))))
    await page.getByRole('link', { name: 'Hosts', exact: true }).click()
    await page.getByRole('heading', { name: 'Hosts' }).waitFor()
  }),
)
