import './styles/index.css'
import { render } from 'preact'
import { App, begin } from './frame/app.tsx'
import { startKeys } from './frame/keys.ts'
import { startRouter } from './frame/router.ts'

const root = document.getElementById('app')
if (root) {
  startRouter()
  startKeys()
  root.replaceChildren()
  render(<App />, root)
  void begin()
}
