/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pcie-ats-testdev: a PCI Express device with an address translation cache,
 * for QEMU 10.0.
 *
 * Copyright (c) 2026 the vfio-lab authors
 *
 * It shows whether a guest's IOMMU driver keeps its promise to a device that
 * caches translations (PCI Express 6.0, chapter 10, ATS): that a translation
 * which is gone is invalidated in the device before its memory is used for
 * something else.  An untranslated DMA cannot show that, because the IOMMU
 * looks up every address anew.
 *
 * PCI: 1234:11e9 revision 2, class 0xff, PCI Express endpoint capability at
 * 0x80, ATS capability at 0x100 (property `ats`, on by default), interrupt
 * pin A that is never raised, no MSI, no function level reset.
 *
 * BAR0, 4 KiB, 64-bit, little-endian, accesses of 4 or 8 bytes:
 *
 *   0x000 rw  address of the DMA, low half
 *   0x004 rw  address of the DMA, high half
 *   0x008 rw  command; bit 0: run, reads as 1 until the DMA is over;
 *             bit 1: direction, 1 from memory to the device's buffer, 0 from
 *             the buffer to memory
 *
 * A DMA is always 4096 bytes and happens some time after its command; what is
 * written to command meanwhile is ignored.  The buffer is zero after a reset.
 * So far every device of this name is like that.  From 0x100 on this model
 * has registers of its own, 32 bits each, read-only (the property `counters`,
 * on by default, takes them away):
 *
 *   0x100  identification, "ATC1": 0x31435441
 *   0x104  what became of the last DMA:
 *            0 there was none since the reset
 *            1 it is under way
 *            2 done, all 4096 bytes
 *            3 refused: some address has no translation
 *            4 refused: bus mastering is off
 *            5 memory answered with an error to a translated address
 *          After 3 and 5 the bytes before that address were transferred.
 *   0x108  hits: pieces of DMAs that used a cached translation
 *   0x10c  misses: pieces for which the IOMMU was asked
 *   0x110  invalidations that came from the IOMMU, for whatever addresses
 *   0x114  faults: DMAs that ended with 3
 *   0x118  translations in the cache now
 *   0x11c  bit 0: ATS is in use; otherwise DMAs are untranslated requests
 *
 * ATS is in use while the guest has set Enable in the ATS capability and there
 * is an IOMMU that translates and sends invalidations.  A translation is kept
 * until the IOMMU invalidates it, until Enable changes, until a reset, or until
 * 256 others came after it.
 * What the IOMMU does not translate at all (interrupt addresses, passthrough)
 * is never cached.
 *
 * A cached translation is good for the direction in which it was asked for:
 * having read a page, the device asks once more before it writes to it.
 * QEMU's IOMMUs report a translation request that they refuse to the guest as
 * a fault, like an untranslated request.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/rcu.h"
#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qom/object.h"

#define TYPE_PCIE_ATS_TESTDEV "pcie-ats-testdev"
OBJECT_DECLARE_SIMPLE_TYPE(PCIeAtsTestdev, PCIE_ATS_TESTDEV)

#define DEVICE_ID       0x11e9
#define REVISION        2
#define PCIE_CAP        0x80
#define BAR_SIZE        0x1000
#define DMA_SIZE        4096
#define CACHE_SIZE      256

enum {
    REG_ADDRESS_LOW     = 0x000,
    REG_ADDRESS_HIGH    = 0x004,
    REG_COMMAND         = 0x008,
    REG_IDENTIFICATION  = 0x100,
    REG_RESULT          = 0x104,
    REG_HITS            = 0x108,
    REG_MISSES          = 0x10c,
    REG_INVALIDATIONS   = 0x110,
    REG_FAULTS          = 0x114,
    REG_CACHED          = 0x118,
    REG_ATS             = 0x11c,
};

enum {
    COMMAND_RUN         = 1 << 0,
    COMMAND_FROM_MEMORY = 1 << 1,
};

#define IDENTIFICATION  0x31435441
#define ATS_IN_USE      1

typedef enum {
    RESULT_NONE = 0,
    RESULT_BUSY = 1,
    RESULT_DONE = 2,
    RESULT_UNTRANSLATED = 3,
    RESULT_NO_BUS_MASTER = 4,
    RESULT_MEMORY_ERROR = 5,
} Result;

/* iova and mask as in IOMMUTLBEntry: the mask covers the offset in the page. */
typedef struct {
    bool valid;
    bool is_write;
    hwaddr iova;
    hwaddr mask;
    hwaddr translated;
    AddressSpace *target;
} Translation;

/* An IOMMU that translates for us, and how it tells us of invalidations. */
typedef struct {
    IOMMUNotifier notifier;
    PCIeAtsTestdev *device;
    MemoryRegion *region;
    /* In how many pieces the region lies in our address space. */
    unsigned sections;
} Iommu;

struct PCIeAtsTestdev {
    PCIDevice parent_obj;

    bool has_ats;
    bool has_counters;
    MemoryRegion bar;
    QEMUBH *bottom_half;

    AddressSpace *dma_as;
    MemoryListener listener;
    Iommu *iommu;

    uint64_t address;
    uint32_t command;
    /* Taken from the registers by the command. */
    uint64_t dma_address;
    bool dma_is_write;
    Result result;
    uint8_t buffer[DMA_SIZE];

    Translation cache[CACHE_SIZE];
    unsigned next;

    uint32_t hits;
    uint32_t misses;
    uint32_t invalidations;
    uint32_t faults;
};

/* The address translation cache */

static bool ats_enabled(PCIeAtsTestdev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint8_t *control = pci->config + pci->exp.ats_cap + PCI_ATS_CTRL;

    return s->has_ats && (pci_get_word(control) & PCI_ATS_CTRL_ENABLE);
}

static bool ats_in_use(PCIeAtsTestdev *s)
{
    return ats_enabled(s) && s->iommu;
}

static unsigned cached(const PCIeAtsTestdev *s)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CACHE_SIZE; i++) {
        count += s->cache[i].valid;
    }
    return count;
}

static void forget(PCIeAtsTestdev *s, hwaddr first, hwaddr last)
{
    for (unsigned i = 0; i < CACHE_SIZE; i++) {
        Translation *t = &s->cache[i];

        if (t->iova <= last && t->iova + t->mask >= first) {
            t->valid = false;
        }
    }
}

static void forget_all(PCIeAtsTestdev *s)
{
    forget(s, 0, HWADDR_MAX);
}

static const Translation *look_up(const PCIeAtsTestdev *s, hwaddr iova)
{
    for (unsigned i = 0; i < CACHE_SIZE; i++) {
        const Translation *t = &s->cache[i];

        if (t->valid && t->is_write == s->dma_is_write &&
            t->iova == (iova & ~t->mask)) {
            return t;
        }
    }
    return NULL;
}

/* Takes the place of the translation that came CACHE_SIZE others ago. */
static const Translation *keep(PCIeAtsTestdev *s, Translation translation)
{
    Translation *slot = &s->cache[s->next];

    s->next = (s->next + 1) % CACHE_SIZE;
    *slot = translation;
    return slot;
}

/* DMA */

static DMADirection direction_of(bool is_write)
{
    return is_write ? DMA_DIRECTION_FROM_DEVICE : DMA_DIRECTION_TO_DEVICE;
}

/*
 * Part of a DMA that one translation covers.  Whoever transfers it shortens it
 * to that.
 */
typedef struct {
    hwaddr iova;
    uint8_t *buffer;
    hwaddr length;
} Piece;

static Result transfer_translated(const Translation *t, Piece *piece)
{
    hwaddr offset = piece->iova & t->mask;
    MemTxResult result;

    piece->length = MIN(piece->length, t->mask - offset + 1);
    result = dma_memory_rw(t->target, t->translated + offset, piece->buffer,
                           piece->length, direction_of(t->is_write),
                           MEMTXATTRS_UNSPECIFIED);
    return result == MEMTX_OK ? RESULT_DONE : RESULT_MEMORY_ERROR;
}

/* What lies in one page, which the IOMMU may translate or not. */
static Result transfer_untranslated(PCIeAtsTestdev *s, Piece *piece)
{
    MemTxResult result;

    piece->length = MIN(piece->length, DMA_SIZE - piece->iova % DMA_SIZE);
    result = pci_dma_rw(PCI_DEVICE(s), piece->iova, piece->buffer,
                        piece->length, direction_of(s->dma_is_write),
                        MEMTXATTRS_UNSPECIFIED);
    return result == MEMTX_OK ? RESULT_DONE : RESULT_UNTRANSLATED;
}

static Result transfer_with_ats(PCIeAtsTestdev *s, Piece *piece)
{
    const Translation *t = look_up(s, piece->iova);
    IOMMUTLBEntry answer;

    if (t) {
        s->hits++;
        return transfer_translated(t, piece);
    }

    s->misses++;
    RCU_READ_LOCK_GUARD();
    answer = address_space_get_iotlb_entry(s->dma_as, piece->iova,
                                           s->dma_is_write,
                                           MEMTXATTRS_UNSPECIFIED);
    if (!answer.target_as) {
        return RESULT_UNTRANSLATED;
    }
    if (answer.target_as == s->dma_as) {
        return transfer_untranslated(s, piece);
    }
    t = keep(s, (Translation) {
        .valid = true,
        .is_write = s->dma_is_write,
        .iova = answer.iova,
        .mask = answer.addr_mask,
        .translated = answer.translated_addr,
        .target = answer.target_as,
    });
    return transfer_translated(t, piece);
}

static Result transfer(PCIeAtsTestdev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    Piece piece;

    /* QEMU sees to it for untranslated requests only. */
    if (!(pci_get_word(pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
        return RESULT_NO_BUS_MASTER;
    }
    for (hwaddr done = 0; done < DMA_SIZE; done += piece.length) {
        Result result;

        piece = (Piece) {
            .iova = s->dma_address + done,
            .buffer = s->buffer + done,
            .length = DMA_SIZE - done,
        };
        result = ats_in_use(s) ? transfer_with_ats(s, &piece)
                               : transfer_untranslated(s, &piece);
        if (result != RESULT_DONE) {
            return result;
        }
    }
    return RESULT_DONE;
}

static void run_dma(void *opaque)
{
    PCIeAtsTestdev *s = opaque;

    s->result = transfer(s);
    s->faults += s->result == RESULT_UNTRANSLATED;
    s->command &= ~COMMAND_RUN;
}

/* The IOMMU: which one translates for us, and its invalidations */

static void on_invalidation(IOMMUNotifier *notifier, IOMMUTLBEntry *entry)
{
    PCIeAtsTestdev *s = container_of(notifier, Iommu, notifier)->device;

    s->invalidations++;
    forget(s, entry->iova, entry->iova + entry->addr_mask);
}

/*
 * The region of an IOMMU appears when the guest turns translation on.  It may
 * lie in our address space in several pieces, with interrupt addresses between
 * them; it gets one notifier all the same, or an invalidation that covers
 * several pieces would count more than once.
 */
static void on_region_add(MemoryListener *listener,
                          MemoryRegionSection *section)
{
    PCIeAtsTestdev *s = container_of(listener, PCIeAtsTestdev, listener);
    IOMMUMemoryRegion *region = memory_region_get_iommu(section->mr);
    Error *error = NULL;
    Iommu *iommu;
    int index;

    if (!region) {
        return;
    }
    if (s->iommu) {
        s->iommu->sections += s->iommu->region == MEMORY_REGION(region);
        return;
    }
    iommu = g_new0(Iommu, 1);
    iommu->device = s;
    iommu->region = MEMORY_REGION(region);
    iommu->sections = 1;
    index = memory_region_iommu_attrs_to_index(region, MEMTXATTRS_UNSPECIFIED);
    iommu_notifier_init(&iommu->notifier, on_invalidation,
                        IOMMU_NOTIFIER_DEVIOTLB_UNMAP, 0, HWADDR_MAX, index);
    if (memory_region_register_iommu_notifier(iommu->region, &iommu->notifier,
                                              &error)) {
        /* It invalidates nothing in devices: ATS is not in use then. */
        if (ats_enabled(s)) {
            warn_report_err(error);
        } else {
            error_free(error);
        }
        g_free(iommu);
        return;
    }
    memory_region_ref(iommu->region);
    s->iommu = iommu;
}

static void on_region_del(MemoryListener *listener,
                          MemoryRegionSection *section)
{
    PCIeAtsTestdev *s = container_of(listener, PCIeAtsTestdev, listener);
    IOMMUMemoryRegion *region = memory_region_get_iommu(section->mr);
    Iommu *iommu = s->iommu;

    if (!region || !iommu || iommu->region != MEMORY_REGION(region)) {
        return;
    }
    if (--iommu->sections) {
        return;
    }
    s->iommu = NULL;
    memory_region_unregister_iommu_notifier(iommu->region, &iommu->notifier);
    memory_region_unref(iommu->region);
    g_free(iommu);
    forget_all(s);
}

/* Registers */

static uint64_t bar_read(void *opaque, hwaddr offset, unsigned size)
{
    PCIeAtsTestdev *s = opaque;

    if (offset >= REG_IDENTIFICATION && !s->has_counters) {
        return 0;
    }
    switch (offset) {
    case REG_ADDRESS_LOW:
        return extract64(s->address, 0, 32);
    case REG_ADDRESS_HIGH:
        return extract64(s->address, 32, 32);
    case REG_COMMAND:
        return s->command;
    case REG_IDENTIFICATION:
        return IDENTIFICATION;
    case REG_RESULT:
        return s->result;
    case REG_HITS:
        return s->hits;
    case REG_MISSES:
        return s->misses;
    case REG_INVALIDATIONS:
        return s->invalidations;
    case REG_FAULTS:
        return s->faults;
    case REG_CACHED:
        return cached(s);
    case REG_ATS:
        return ats_in_use(s) ? ATS_IN_USE : 0;
    default:
        return 0;
    }
}

static void start_dma(PCIeAtsTestdev *s, uint32_t command)
{
    if (s->result == RESULT_BUSY) {
        qemu_log_mask(LOG_GUEST_ERROR, TYPE_PCIE_ATS_TESTDEV
                      ": a command while a DMA is under way\n");
        return;
    }
    s->command = command & (COMMAND_RUN | COMMAND_FROM_MEMORY);
    if (command & COMMAND_RUN) {
        s->dma_address = s->address;
        s->dma_is_write = !(command & COMMAND_FROM_MEMORY);
        s->result = RESULT_BUSY;
        qemu_bh_schedule(s->bottom_half);
    }
}

static void bar_write(void *opaque, hwaddr offset, uint64_t value,
                      unsigned size)
{
    PCIeAtsTestdev *s = opaque;

    switch (offset) {
    case REG_ADDRESS_LOW:
        s->address = deposit64(s->address, 0, 32, value);
        break;
    case REG_ADDRESS_HIGH:
        s->address = deposit64(s->address, 32, 32, value);
        break;
    case REG_COMMAND:
        start_dma(s, value);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, TYPE_PCIE_ATS_TESTDEV
                      ": a write to offset 0x%" HWADDR_PRIx "\n", offset);
    }
}

static const MemoryRegionOps bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    /* An access of 8 bytes comes as two of 4, the low half first. */
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/* The device */

static void write_config(PCIDevice *pci, uint32_t address, uint32_t value,
                         int length)
{
    PCIeAtsTestdev *s = PCIE_ATS_TESTDEV(pci);
    bool before = ats_enabled(s);

    pci_default_write_config(pci, address, value, length);
    if (ats_enabled(s) != before) {
        forget_all(s);
    }
}

static void reset(DeviceState *device)
{
    PCIeAtsTestdev *s = PCIE_ATS_TESTDEV(device);
    PCIDevice *pci = PCI_DEVICE(device);

    qemu_bh_cancel(s->bottom_half);
    forget_all(s);
    if (s->has_ats) {
        pci_set_word(pci->config + pci->exp.ats_cap + PCI_ATS_CTRL, 0);
    }
    if (pci_is_express(pci)) {
        pcie_cap_deverr_reset(pci);
    }
    s->address = 0;
    s->command = 0;
    s->result = RESULT_NONE;
    memset(s->buffer, 0, sizeof(s->buffer));
    s->hits = 0;
    s->misses = 0;
    s->invalidations = 0;
    s->faults = 0;
}

static void realize(PCIDevice *pci, Error **errp)
{
    PCIeAtsTestdev *s = PCIE_ATS_TESTDEV(pci);

    if (!pci_bus_is_express(pci_get_bus(pci))) {
        error_setg(errp, TYPE_PCIE_ATS_TESTDEV
                   ": a PCI Express device wants a PCI Express bus");
        return;
    }
    if (pcie_endpoint_cap_init(pci, PCIE_CAP) < 0) {
        error_setg(errp, TYPE_PCIE_ATS_TESTDEV
                   ": no place for the PCI Express capability");
        return;
    }
    pcie_cap_deverr_init(pci);
    if (s->has_ats) {
        pcie_ats_init(pci, PCI_CONFIG_SPACE_SIZE, true);
    }
    pci_config_set_interrupt_pin(pci->config, 1);

    memory_region_init_io(&s->bar, OBJECT(s), &bar_ops, s,
                          TYPE_PCIE_ATS_TESTDEV, BAR_SIZE);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY |
                     PCI_BASE_ADDRESS_MEM_TYPE_64, &s->bar);

    s->bottom_half = qemu_bh_new_guarded(run_dma, s,
                                         &DEVICE(s)->mem_reentrancy_guard);
    s->dma_as = pci_device_iommu_address_space(pci);
    s->listener = (MemoryListener) {
        .name = TYPE_PCIE_ATS_TESTDEV,
        .region_add = on_region_add,
        .region_del = on_region_del,
    };
    memory_listener_register(&s->listener, s->dma_as);
}

static void unrealize(PCIDevice *pci)
{
    PCIeAtsTestdev *s = PCIE_ATS_TESTDEV(pci);

    memory_listener_unregister(&s->listener);
    qemu_bh_delete(s->bottom_half);
    pcie_cap_exit(pci);
}

static const Property properties[] = {
    DEFINE_PROP_BOOL("ats", PCIeAtsTestdev, has_ats, true),
    DEFINE_PROP_BOOL("counters", PCIeAtsTestdev, has_counters, true),
};

/* A guest that is saved would come back with a device that has forgotten. */
static const VMStateDescription vmstate = {
    .name = TYPE_PCIE_ATS_TESTDEV,
    .unmigratable = true,
};

static void class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(class);

    k->realize = realize;
    k->exit = unrealize;
    k->config_write = write_config;
    k->vendor_id = PCI_VENDOR_ID_QEMU;
    k->device_id = DEVICE_ID;
    k->revision = REVISION;
    k->class_id = PCI_CLASS_OTHERS;
    dc->desc = "PCI Express test device with an address translation cache";
    dc->vmsd = &vmstate;
    device_class_set_legacy_reset(dc, reset);
    device_class_set_props(dc, properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo types[] = {
    {
        .name = TYPE_PCIE_ATS_TESTDEV,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PCIeAtsTestdev),
        .class_init = class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(types)
