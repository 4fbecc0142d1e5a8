/** Style sheets are imported for their effect; Vite turns them into a file beside the script. */
declare module '*.css'
