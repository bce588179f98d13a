// SPDX-License-Identifier: MIT
/*
 * DMA both ways with pcie-ats-testdev, by what its registers are said to be and nothing else: it was written before the lab had a model of
 * the device, and shows that a program for the device which exists elsewhere runs with the model as well.
 *
 *	ats-testdev-dma /dev/vfio/devices/vfio0
 *
 * BAR0: 0x0 address (low half, high half at 0x4, or one write of 8 bytes), 0x8 command: bit 0 run, bit 1 direction (1: memory to the device's
 * buffer, 0: the buffer to memory). A DMA is always 4096 bytes and happens some time after its command; no register tells when.
 *
 * Exit 0 and one line when memory holds what came back; 1 and a line on stderr that says what failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#define PAGE		4096
#define ADDRESS		0x0
#define ADDRESS_HIGH	0x4
#define COMMAND		0x8
#define RUN		0x1
#define FROM_MEMORY	0x2

#define PCI_COMMAND		0x4
#define PCI_COMMAND_MEMORY	0x2
#define PCI_COMMAND_MASTER	0x4

/* Above 4 GiB, so that both halves of an address count. */
#define SOURCE		0x123450000ULL
#define DESTINATION	0x254670000ULL

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void pause_ms(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static uint8_t *map_page(int iommu, uint32_t ioas, uint64_t iova)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.length = PAGE,
		.iova = iova,
	};
	uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("mmap of memory");
	map.user_va = (uintptr_t)page;
	if (ioctl(iommu, IOMMU_IOAS_MAP, &map))
		die("IOMMU_IOAS_MAP");
	return page;
}

static void enable_bus_master(int device)
{
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		die("VFIO_DEVICE_GET_REGION_INFO of config space");
	if (pread(device, &command, sizeof(command), config.offset + PCI_COMMAND) != sizeof(command))
		die("reading PCI_COMMAND");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(device, &command, sizeof(command), config.offset + PCI_COMMAND) != sizeof(command))
		die("writing PCI_COMMAND");
}

static volatile uint8_t *map_bar0(int device)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	void *registers;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar))
		die("VFIO_DEVICE_GET_REGION_INFO of BAR0");
	if (bar.size < PAGE) {
		fprintf(stderr, "BAR0 is %llu bytes large, not 4096\n", (unsigned long long)bar.size);
		exit(1);
	}
	registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	if (registers == MAP_FAILED)
		die("mmap of BAR0");
	return registers;
}

int main(int argc, char **argv)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	volatile uint8_t *registers;
	uint8_t *source, *destination;
	int iommu, device, waited;

	if (argc != 2) {
		fprintf(stderr, "usage: %s /dev/vfio/devices/vfioN\n", argv[0]);
		return 1;
	}
	iommu = open("/dev/iommu", O_RDWR);
	if (iommu < 0)
		die("/dev/iommu");
	device = open(argv[1], O_RDWR);
	if (device < 0)
		die(argv[1]);
	bind.iommufd = iommu;
	if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		die("VFIO_DEVICE_BIND_IOMMUFD");
	if (ioctl(iommu, IOMMU_IOAS_ALLOC, &alloc))
		die("IOMMU_IOAS_ALLOC");
	attach.pt_id = alloc.out_ioas_id;
	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		die("VFIO_DEVICE_ATTACH_IOMMUFD_PT");

	source = map_page(iommu, alloc.out_ioas_id, SOURCE);
	destination = map_page(iommu, alloc.out_ioas_id, DESTINATION);
	for (int at = 0; at < PAGE; at++)
		source[at] = at * 13 + (at >> 8) + 1;
	enable_bus_master(device);
	registers = map_bar0(device);

	*(volatile uint32_t *)(registers + ADDRESS) = (uint32_t)SOURCE;
	*(volatile uint32_t *)(registers + ADDRESS_HIGH) = SOURCE >> 32;
	*(volatile uint32_t *)(registers + COMMAND) = RUN | FROM_MEMORY;
	pause_ms(300);

	*(volatile uint64_t *)(registers + ADDRESS) = DESTINATION;
	*(volatile uint32_t *)(registers + COMMAND) = RUN;
	for (waited = 0; waited < 5000 && memcmp(source, destination, PAGE); waited += 10)
		pause_ms(10);

	for (int at = 0; at < PAGE; at++) {
		if (source[at] != destination[at]) {
			fprintf(stderr, "byte %d: 0x%02x went out, 0x%02x came back\n", at, source[at], destination[at]);
			return 1;
		}
	}
	printf("%d bytes went to the device and came back\n", PAGE);
	return 0;
}
