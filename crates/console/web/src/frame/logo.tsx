export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M5 20h5l3-9 5 13 3.5-8H27" />
    </svg>
  )
}
