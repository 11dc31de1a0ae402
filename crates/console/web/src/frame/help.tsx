/** Which keys there are. */
import { Dialog } from './dialog.tsx'
import { type Key, frameKeys, pageKeys } from './keys.ts'

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label="Keyboard" class="help" onClose={onClose}>
      <header>
        <h2>Keyboard</h2>
        <button class="quiet" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div class="help-columns">
        <Keys title="Everywhere" keys={frameKeys.value} />
        <Keys title="On this page" keys={pageKeys.value} />
        <section>
          <h3>In a chart</h3>
          <dl>
            <Line shown="← →" does="Read the values, point by point" />
            <Line shown="+ −" does="Zoom in and out" />
            <Line shown="drag" does="Zoom into a range" />
            <Line shown="Esc" does="Leave the readout" />
          </dl>
        </section>
      </div>
    </Dialog>
  )
}

function Keys({ title, keys }: { title: string; keys: Key[] }) {
  if (keys.length === 0) return null
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {keys.map((one) => (
          <Line key={one.keys} shown={one.shown} does={one.does} />
        ))}
      </dl>
    </section>
  )
}

function Line({ shown, does }: { shown: string; does: string }) {
  return (
    <div>
      <dt>
        <kbd>{shown}</kbd>
      </dt>
      <dd>{does}</dd>
    </div>
  )
}
