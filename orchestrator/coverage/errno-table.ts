/** One way in which the kernel refuses a call. */
export interface Refusal {
  readonly errno: string
  /** `file:function` of the kernel that decides it; several: one of them in each version. */
  readonly at: string | readonly string[]
  /** In a clause: when. */
  readonly when: string
  /** Why no guest of the lab can provoke it. */
  readonly cannot?: string
}

/** Ioctl as in the uapi headers, `VFIO_DEVICE_FEATURE/DMA_BUF` for a feature -> every refusal that it knows. */
export type ErrnoTable = Readonly<Record<string, readonly Refusal[]>>
