import { Ioas } from '../iommufd/ioas.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Container } from './container.ts'

/** The IOAS behind a container that is an iommufd: what is mapped there by the one is mapped for the other. */
export const compatIoas = ({ fd }: Container): Ioas => {
  const iommu = new IommuFd(fd)
  return new Ioas(iommu, iommu.getVfioIoas())
}
